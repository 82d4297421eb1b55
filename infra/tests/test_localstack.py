"""All four templates go into a LocalStack, one after the other, each told what those before it said."""

import json
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
from catalog import LANES

ROOT = Path(__file__).resolve().parent.parent.parent
LOCALSTACK = ROOT / "localstack"
sys.path.insert(0, str(LOCALSTACK))
import stacks  # noqa: E402

# The first start of one compiles all of it.
DEADLINE_S = 180


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class AllStacks(unittest.TestCase):
    def setUp(self) -> None:
        self.endpoint = f"http://127.0.0.1:{(port := free_port())}"
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        run = [sys.executable, LOCALSTACK / "run.py", "--port", str(port), "--state-dir", folder.name]
        self.running = subprocess.Popen([*run, "--services", stacks.SERVICES, "--die-with-parent"])
        self.addCleanup(self.stop)
        deadline = time.monotonic() + DEADLINE_S
        while not self.is_ready():
            self.assertIsNone(self.running.poll(), "LocalStack has ended")
            self.assertLess(time.monotonic(), deadline, "LocalStack does not answer")
            time.sleep(0.2)

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.endpoint}/_localstack/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> None:
        self.running.send_signal(signal.SIGTERM)
        try:
            self.running.wait(30)
        except subprocess.TimeoutExpired:
            self.running.kill()
            self.running.wait()

    def deploy(self, *arguments: str) -> str:
        command = [sys.executable, LOCALSTACK / "deploy.py", "--endpoint", self.endpoint, "--all", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout if done.stdout else done.stderr

    def client(self, service: str) -> Any:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        return boto3.client(service, endpoint_url=self.endpoint, **keys)

    def test_the_templates_deploy_again_and_are_deleted(self) -> None:
        first = json.loads(self.deploy("--prefix", "one"))
        self.assertEqual(json.loads(self.deploy("--prefix", "one")), first)
        alarms = self.client("cloudwatch").describe_alarms(AlarmNamePrefix="one-")["MetricAlarms"]
        kinds = ["oldest", "in-flight", "no-worker", "dead-letter-arrived", "dead-letters"]
        wanted = {f"one-{lane}-{kind}" for lane in LANES for kind in kinds}
        self.assertEqual({alarm["AlarmName"] for alarm in alarms}, wanted | {"one-reaper-errors", "one-s3-5xx"})
        actions = {action for alarm in alarms for action in alarm["AlarmActions"]}
        self.assertEqual(actions, {first["one"]["AlarmTopicArn"]})
        attributes = self.client("sqs").get_queue_attributes(
            QueueUrl=first["one"]["QueueUrlPrefix"] + "-free-heavy-dlq", AttributeNames=["All"]
        )["Attributes"]
        self.assertEqual(attributes["MessageRetentionPeriod"], "1209600")
        self.assertEqual(attributes["SqsManagedSseEnabled"], "true")
        self.deploy("--prefix", "one", "--delete")
        left = self.client("cloudformation").describe_stacks()["Stacks"]
        self.assertEqual([stack["StackName"] for stack in left if stack["StackStatus"] != "DELETE_COMPLETE"], [])


if __name__ == "__main__":
    unittest.main()
