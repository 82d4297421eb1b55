#!/bin/bash
# Has the machine's Auto Scaling group replace it, where the worker was given up for a device that hangs or is lost.
#
# The unit beside it runs this once systemd starts the worker no more. Only status 75 counts: what is wrong with a setting,
# a model or the package would be wrong with the next machine too, and machines would be replaced for ever.
# https://docs.aws.amazon.com/autoscaling/ec2/userguide/set-up-a-custom-health-check.html
set -euo pipefail
unit=forebay-worker.service
metadata=${FOREBAY_METADATA:-http://169.254.169.254/latest}

say() { printf 'unhealthy.sh: %s\n' "$1"; }

ask() {
    local token
    token=$(curl -sfm 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$metadata/api/token") &&
        curl -sfm 5 -H "X-aws-ec2-metadata-token: $token" "$metadata/meta-data/$1"
}

status=$(systemctl show --property ExecMainStatus --value "$unit")
if [ "$status" != 75 ]; then
    say "the worker ended with $status, which another machine would not help: journalctl --unit $unit"
    exit 0
fi
if ! instance=$(ask instance-id); then
    say 'a device is lost and this is no machine of EC2: look at nvidia-smi and the kernel log, and restart it'
    exit 0
fi
region=${AWS_REGION:-$(ask placement/region)}
say "a device is lost: $instance is to be replaced"
# Also while the machine is new: it had five tries.
aws autoscaling set-instance-health --region "$region" --instance-id "$instance" --health-status Unhealthy \
    --no-should-respect-grace-period
