#!/usr/bin/env python3
"""Runs LocalStack in the foreground, without Docker: SQS, S3 and CloudFormation on one port of the loopback.

It is ready when GET /_localstack/health answers 200. SIGTERM and Ctrl-C end it. Nothing is kept from one run to the
next: this edition of LocalStack holds queues and objects in memory and temporary files.

example: .tools/localstack/bin/python localstack/run.py --port 4566 --state-dir .run/localstack
"""

import argparse
import ctypes
import os
import signal
import sys
import tempfile
import warnings
from pathlib import Path

SERVICES = "sqs,s3,sts,iam,cloudformation"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=4566, help="default 4566")
    parser.add_argument("--state-dir", type=Path, default=Path(".run/localstack"), help="where all its files go")
    parser.add_argument("--services", default=SERVICES, help=f"others answer 501; default {SERVICES}")
    parser.add_argument("--die-with-parent", action="store_true", help="end when the starting process ends")
    arguments = parser.parse_args()

    if sys.version_info < (3, 11):
        sys.exit("run: LocalStack needs Python 3.11, 3.12 or 3.13")
    if arguments.die_with_parent:
        die_with_parent()
    configure(arguments.port, arguments.state_dir.absolute(), arguments.services)
    bind_to_loopback()

    from localstack.runtime.main import main as run

    run()


def die_with_parent() -> None:
    parent = os.getppid()
    set_parent_death_signal = 1
    ctypes.CDLL(None, use_errno=True).prctl(set_parent_death_signal, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("run: the process that started this one is gone already")


def configure(port: int, state: Path, services: str) -> None:
    """LocalStack reads its settings from the environment when it is imported."""
    temporary = state / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(temporary)
    # Variables for its clients must not reach LocalStack's own.
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN", "DEBUG"):
        os.environ.pop(name, None)
    os.environ.update(
        # Inside a container it would believe that it is its own image.
        OVERRIDE_IN_DOCKER="0",
        FILESYSTEM_ROOT=str(state / "files"),
        CONFIG_DIR=str(state / "config"),
        GATEWAY_LISTEN=f"127.0.0.1:{port}",
        LOCALSTACK_HOST=f"127.0.0.1:{port}",
        # Queue URLs that need no name resolution.
        SQS_ENDPOINT_STRATEGY="path",
        SERVICES=services,
        # Wrong and expired signatures of presigned URLs are refused, as AWS does.
        S3_SKIP_SIGNATURE_VALIDATION="0",
        # Nobody looks at them here, and they cost half the speed.
        SQS_DISABLE_CLOUDWATCH_METRICS="1",
        # Nothing is asked of the world outside: no analytics, certificates, name server or instance metadata.
        DISABLE_EVENTS="1",
        SKIP_SSL_CERT_DOWNLOAD="1",
        DNS_ADDRESS="0",
        AWS_EC2_METADATA_DISABLED="true",
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
        AWS_DEFAULT_REGION="us-east-1",
    )
    os.environ.setdefault("LS_LOG", "warning")


def bind_to_loopback() -> None:
    """LocalStack's server takes the port of GATEWAY_LISTEN and listens on every address of the machine."""
    warnings.filterwarnings("ignore", message=".*service_identity.*")
    from twisted.internet import endpoints

    original = endpoints.TCP4ServerEndpoint.__init__

    def on_loopback(self, reactor, port, backlog=50, interface=""):
        original(self, reactor, port, backlog, interface or "127.0.0.1")

    endpoints.TCP4ServerEndpoint.__init__ = on_loopback


if __name__ == "__main__":
    main()
