#!/usr/bin/env python3
"""Deploys infra/forebay.yaml into a running LocalStack and prints each stack's outputs as JSON, by prefix.

Deploying again updates what changed and is quick when nothing did. Stacks of different prefixes live side by side.

example: .tools/localstack/bin/python localstack/deploy.py --endpoint http://127.0.0.1:4566 --prefix forebay
example: .tools/localstack/bin/python localstack/deploy.py --endpoint http://127.0.0.1:4566 --prefix forebay --delete
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

TEMPLATE = Path(__file__).resolve().parent.parent / "infra/forebay.yaml"
REGION = "us-east-1"
# LocalStack needs about ten seconds on a busy machine.
DEADLINE_S = 120.0
POLL_S = 0.1


class DeployError(Exception):
    """The stack is not as wished; the message says why."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", required=True, metavar="URL")
    parser.add_argument(
        "--prefix", action="append", help="the beginning of every name; default forebay; again for one more stack"
    )
    parser.add_argument("--outputs", type=Path, metavar="FILE", help="write the JSON there, not to standard output")
    parser.add_argument("--delete", action="store_true", help="delete the stack and everything in it instead")
    arguments = parser.parse_args()

    clients = Clients(arguments.endpoint)
    outputs: dict[str, dict[str, str]] = {}
    for prefix in arguments.prefix or ["forebay"]:
        began = time.monotonic()
        try:
            if arguments.delete:
                delete(clients, prefix)
                change = "deleted"
            else:
                change = deploy(clients, prefix)
                outputs[prefix] = read_outputs(clients, arguments.endpoint, prefix)
        except (BotoCoreError, ClientError, DeployError) as error:
            say(f"{prefix}: {error}")
            return 1
        say(f"{change} {prefix} in {time.monotonic() - began:.1f} s")
    text = json.dumps(outputs, indent=2) + "\n"
    if arguments.outputs:
        arguments.outputs.write_text(text)
    elif not arguments.delete:
        sys.stdout.write(text)
    return 0


def say(text: str) -> None:
    print(f"deploy: {text}", file=sys.stderr, flush=True)


class Clients:
    def __init__(self, endpoint: str) -> None:
        # Any credentials do: LocalStack checks none, and a profile of the user's must not be touched.
        self._session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
        self._options: dict[str, Any] = {
            "endpoint_url": endpoint,
            "config": Config(s3={"addressing_style": "path"}, connect_timeout=5, read_timeout=60, proxies={}),
        }
        self.stacks = self._session.client("cloudformation", **self._options)

    def bucket(self, name: str) -> Any:
        return self._session.resource("s3", **self._options).Bucket(name)


def deploy(clients: Clients, prefix: str) -> str:
    """Creates or updates the stack, and says which."""
    wanted = {
        "StackName": prefix,
        "TemplateBody": TEMPLATE.read_text(),
        "Parameters": [{"ParameterKey": "Prefix", "ParameterValue": prefix}],
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
    }
    status = status_of(clients, prefix)
    if status in ("CREATE_FAILED", "ROLLBACK_COMPLETE", "DELETE_FAILED"):
        say(f"{prefix} is left over from a failure ({status}): deleting it first")
        delete(clients, prefix)
        status = None
    if status is None:
        clients.stacks.create_stack(**wanted)
        wait(clients, prefix, "CREATE_COMPLETE")
        return "created"
    template = clients.stacks.get_template(StackName=prefix)["TemplateBody"]
    if template == wanted["TemplateBody"] and status.endswith("_COMPLETE"):
        return "found"
    try:
        clients.stacks.update_stack(**wanted)
    except ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise
        return "found"
    wait(clients, prefix, "UPDATE_COMPLETE")
    return "updated"


def delete(clients: Clients, prefix: str) -> None:
    if status_of(clients, prefix) is None:
        return
    for resource in clients.stacks.describe_stack_resources(StackName=prefix)["StackResources"]:
        if resource["ResourceType"] == "AWS::S3::Bucket" and resource.get("PhysicalResourceId"):
            # CloudFormation deletes empty buckets only.
            clients.bucket(resource["PhysicalResourceId"]).objects.all().delete()
    clients.stacks.delete_stack(StackName=prefix)
    wait(clients, prefix, None)


def wait(clients: Clients, prefix: str, wanted: str | None) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while True:
        status = status_of(clients, prefix)
        if status == wanted:
            return
        if status is None or not status.endswith("IN_PROGRESS"):
            raise DeployError(f"the stack is {status}: {first_failure(clients, prefix)}")
        if time.monotonic() > deadline:
            raise DeployError(f"the stack is still {status} after {DEADLINE_S:.0f} s")
        time.sleep(POLL_S)


def status_of(clients: Clients, prefix: str) -> str | None:
    """The stack's status; None when there is none."""
    try:
        status: str = clients.stacks.describe_stacks(StackName=prefix)["Stacks"][0]["StackStatus"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return None if status == "DELETE_COMPLETE" else status


def first_failure(clients: Clients, prefix: str) -> str:
    events = clients.stacks.describe_stack_events(StackName=prefix)["StackEvents"]
    for event in reversed(events):
        if event["ResourceStatus"].endswith("_FAILED"):
            return f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason is given')}"
    return "no event says why"


def read_outputs(clients: Clients, endpoint: str, prefix: str) -> dict[str, str]:
    stack = clients.stacks.describe_stacks(StackName=prefix)["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    return outputs | {"BucketUrl": f"{endpoint.rstrip('/')}/{outputs['BucketName']}"}


if __name__ == "__main__":
    sys.exit(main())
