#!/bin/bash
# Whether the worker of this machine or container answers /healthz with 200. By bash alone: the image has no curl.
set -euo pipefail
address=${FOREBAY_STATUS_ADDRESS:-127.0.0.1:9464}
exec 3<>"/dev/tcp/${address%:*}/${address##*:}"
printf 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
read -r -t 4 _ status _ <&3
[ "$status" = 200 ]
