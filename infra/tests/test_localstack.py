"""All four templates go into a LocalStack, one after the other, each told what those before it said."""

import json
import subprocess
import sys
import unittest
from typing import Any

from catalog import LANES
from server import DEADLINE_S, LOCALSTACK, Server

import stacks


class AllStacks(unittest.TestCase):
    def setUp(self) -> None:
        self.server = Server(stacks.SERVICES)
        self.endpoint = self.server.endpoint

    def deploy(self, *arguments: str) -> str:
        command = [sys.executable, LOCALSTACK / "deploy.py", "--endpoint", self.endpoint, "--all", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout if done.stdout else done.stderr

    def client(self, service: str) -> Any:
        return self.server.client(service)

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
