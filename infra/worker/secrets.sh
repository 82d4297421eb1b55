#!/bin/bash
# Writes the worker's secrets into FILE, as the lines of NAME=VALUE that systemd reads; nothing of them is printed.
#
# FOREBAY_REPORT_SECRET_ID names the report secret: in AWS Secrets Manager, or as ssm:/PATH a SecureString of the parameter
# store. Without it nothing is fetched: then FOREBAY_REPORT_SECRET may stand among the settings.
#
# example: FOREBAY_REPORT_SECRET_ID=forebay/report-secret AWS_REGION=eu-west-1 secrets.sh /run/forebay/secrets.env
set -euo pipefail
# Not even by `bash -x`, which whoever looks for a fault may have set.
set +x

refuse() {
    printf 'secrets.sh: %s\n' "$1" >&2
    # What the unit takes for a setting that is wrong.
    exit 2
}

[ $# = 1 ] || refuse 'usage: secrets.sh FILE'
file=$1
folder=$(dirname "$file")
id=${FOREBAY_REPORT_SECRET_ID:-}
umask 077
mkdir -p "$folder"
rm -f "$file"
[ -n "$id" ] || exit 0
command -v aws >/dev/null || refuse 'the AWS command line is missing: install awscli, or set FOREBAY_REPORT_SECRET'

# A service that does not answer is no wrong setting: the status is the command's, and systemd tries again.
case $id in
ssm:*) secret=$(aws ssm get-parameter --name "${id#ssm:}" --with-decryption --query Parameter.Value --output text) ;;
*) secret=$(aws secretsmanager get-secret-value --secret-id "$id" --query SecretString --output text) ;;
esac
[ "${#secret}" -ge 32 ] || refuse "$id holds fewer than 32 characters: openssl rand -hex 32 makes one"
case $secret in
*[!A-Za-z0-9_+/=.~-]*) refuse "$id holds other characters than letters, digits and _+/=.~-" ;;
esac
printf 'FOREBAY_REPORT_SECRET=%s\n' "$secret" >"$file"
