#!/bin/bash
# What cloud-init runs on a new machine: looks at the driver, installs the worker's folder, starts the unit.
#
# Before it stand lines that set what it reads, of the stack's outputs:
#   FOREBAY_PACKAGE           s3://BUCKET/forebay-worker-….tar.gz, or REGISTRY/forebay-worker@sha256:… of the image
#   FOREBAY_PACKAGE_SHA256    of the archive; an image has it in its name
#   FOREBAY_QUEUE_URL_PREFIX, FOREBAY_BUCKET, FOREBAY_EDGE_URL, AWS_REGION
#   FOREBAY_MODELS_DIR        s3://BUCKET/models
#   FOREBAY_LANES             NAME=WEIGHT,…; empty for the lanes that the worker was built with
#   FOREBAY_REPORT_SECRET_ID  the secret's name, never the secret: whoever is on the machine may read these lines
# It runs as root, once, and can be run again. Nothing of what it prints, which cloud-init keeps, is secret.
set -euo pipefail
root=${FOREBAY_ROOT:-}
opt=$root/opt/forebay-worker

say() { printf 'forebay: %s\n' "$1"; }

refuse() {
    say "$1" >&2
    exit 1
}

# CUDA 13.0 needs this driver: docs.nvidia.com/cuda/archive/13.0.0/cuda-toolkit-release-notes, table 2.
check_driver() {
    local needed=580.65.06 found
    [ "${FOREBAY_DEVICE:-auto}" != cpu ] || return 0
    command -v nvidia-smi >/dev/null || refuse "there is no nvidia-smi: use an image with NVIDIA's driver $needed or newer"
    found=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader | head -n 1) || refuse 'nvidia-smi finds no GPU'
    if [ "$(printf '%s\n' "$needed" "$found" | sort --version-sort | head -n 1)" != "$needed" ]; then
        refuse "the driver is $found, and CUDA 13.0 needs $needed or newer: use a newer machine image"
    fi
    say "driver $found"
}

# Into a folder beside, so that a broken download leaves what was there.
install_folder() {
    local new=$opt.new image container
    rm -rf "$new"
    mkdir -p "$new"
    case $FOREBAY_PACKAGE in
    s3://*)
        aws s3 cp --only-show-errors "$FOREBAY_PACKAGE" "$new.tar.gz"
        printf '%s  %s\n' "${FOREBAY_PACKAGE_SHA256:?is missing}" "$new.tar.gz" | sha256sum --check --quiet
        tar --extract --gzip --file "$new.tar.gz" --directory "$new" --strip-components 1 --no-same-owner
        rm "$new.tar.gz"
        ;;
    *@sha256:*)
        image=$FOREBAY_PACKAGE
        aws ecr get-login-password | docker login --username AWS --password-stdin "${image%%/*}" >/dev/null
        docker pull --quiet "$image"
        container=$(docker create "$image")
        docker cp "$container:/opt/forebay-worker/." "$new"
        docker rm "$container" >/dev/null
        ;;
    *) refuse "FOREBAY_PACKAGE: found $FOREBAY_PACKAGE; allowed are s3://… and an image by its digest, …@sha256:…" ;;
    esac
    "$new/forebay-worker" --version
    rm -rf "$opt"
    mv "$new" "$opt"
}

# Every setting of a worker that is set here, empty ones left out, and the region; secrets have no place in it.
write_settings() {
    local name
    mkdir -p "$root/etc/forebay"
    umask 077
    for name in AWS_REGION $(compgen -v FOREBAY_ | grep -vxE 'FOREBAY_(ROOT|PACKAGE|PACKAGE_SHA256)'); do
        [ -z "${!name}" ] || printf '%s=%s\n' "$name" "${!name}"
    done >"$root/etc/forebay/worker.env"
}

: "${FOREBAY_PACKAGE:?is missing}" "${FOREBAY_QUEUE_URL_PREFIX:?is missing}" "${FOREBAY_BUCKET:?is missing}"
: "${AWS_REGION:?is missing}"
[ -z "${FOREBAY_REPORT_SECRET:-}" ] || refuse 'FOREBAY_REPORT_SECRET does not belong here: set FOREBAY_REPORT_SECRET_ID'
export AWS_REGION AWS_DEFAULT_REGION=$AWS_REGION
check_driver
install_folder
write_settings
mkdir -p "$root/etc/systemd/system"
cp "$opt"/forebay-worker*.service "$root/etc/systemd/system/"
systemctl daemon-reload
systemctl enable forebay-worker.service
systemctl restart forebay-worker.service
say 'the worker is started: journalctl --unit forebay-worker'
