"""A LocalStack of a test's own, for as long as the test runs."""

import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3

ROOT = Path(__file__).resolve().parent.parent.parent
LOCALSTACK = ROOT / "localstack"
sys.path.insert(0, str(LOCALSTACK))

# The first start of one compiles all of it.
DEADLINE_S = 180


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Server:
    """It is ready when this returns, and gone when the test is over."""

    def __init__(self, services: str) -> None:
        self.endpoint = f"http://127.0.0.1:{(port := free_port())}"
        self._folder = tempfile.TemporaryDirectory()
        run = [sys.executable, LOCALSTACK / "run.py", "--port", str(port), "--state-dir", self._folder.name]
        self._running = subprocess.Popen([*run, "--services", services, "--die-with-parent"])
        unittest.addModuleCleanup(self.stop)
        deadline = time.monotonic() + DEADLINE_S
        while not self._is_ready():
            if self._running.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("LocalStack has ended, or does not answer")
            time.sleep(0.2)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.endpoint}/_localstack/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> None:
        if self._running.poll() is None:
            self._running.send_signal(signal.SIGTERM)
            try:
                self._running.wait(30)
            except subprocess.TimeoutExpired:
                self._running.kill()
                self._running.wait()
        self._folder.cleanup()

    def client(self, service: str) -> Any:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        return boto3.client(service, endpoint_url=self.endpoint, **keys)
