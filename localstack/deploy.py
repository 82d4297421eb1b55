#!/usr/bin/env python3
"""Deploys infra/forebay.yaml into a running LocalStack and prints each stack's outputs as JSON, by prefix.

With --all the other templates too, as one deploys them to AWS; LocalStack must offer their services (stacks.py).
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
import stacks
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

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
    parser.add_argument(
        "--templates", type=Path, default=stacks.INFRA, metavar="DIR", help="take the templates from there; default infra"
    )
    parser.add_argument("--all", action="store_true", help="network, fleet and alarms too")
    parser.add_argument("--delete", action="store_true", help="delete the stack and everything in it instead")
    arguments = parser.parse_args()

    clients = Clients(arguments.endpoint)
    parts = stacks.ORDER if arguments.all else ["forebay"]
    outputs: dict[str, stacks.Outputs] = {}
    for prefix in arguments.prefix or ["forebay"]:
        began = time.monotonic()
        try:
            if arguments.delete:
                for part in reversed(parts):
                    delete(clients, stacks.stack_name(part, prefix))
                change = "deleted"
            else:
                change, outputs[prefix] = deploy_parts(clients, arguments.templates, parts, prefix)
                bucket = outputs[prefix]["BucketName"]
                outputs[prefix]["BucketUrl"] = f"{arguments.endpoint.rstrip('/')}/{bucket}"
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


def deploy_parts(clients: Clients, folder: Path, parts: list[str], prefix: str) -> tuple[str, stacks.Outputs]:
    """Deploys these parts, each with the outputs of those before it. Answers what was done and all outputs together."""
    outputs: dict[str, stacks.Outputs] = {}
    changes = set()
    for part in parts:
        name = stacks.stack_name(part, prefix)
        text = (folder / f"{part}.yaml").read_text()
        changes.add(deploy(clients, name, text, stacks.parameters(part, prefix, outputs)))
        outputs[part] = read_outputs(clients, name)
    change = next(change for change in ("created", "updated", "found") if change in changes)
    return change, {name: value for part in outputs.values() for name, value in part.items()}


def deploy(clients: Clients, name: str, text: str, parameters: dict[str, str]) -> str:
    """Creates or updates the stack, and says which."""
    wanted = {
        "StackName": name,
        "TemplateBody": text,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
    }
    status = status_of(clients, name)
    if status in ("CREATE_FAILED", "ROLLBACK_COMPLETE", "DELETE_FAILED"):
        say(f"{name} is left over from a failure ({status}): deleting it first")
        delete(clients, name)
        status = None
    if status is None:
        clients.stacks.create_stack(**wanted)
        wait(clients, name, "CREATE_COMPLETE")
        return "created"
    template = clients.stacks.get_template(StackName=name)["TemplateBody"]
    if template == wanted["TemplateBody"] and status.endswith("_COMPLETE"):
        return "found"
    try:
        clients.stacks.update_stack(**wanted)
    except ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise
        return "found"
    wait(clients, name, "UPDATE_COMPLETE")
    return "updated"


def delete(clients: Clients, name: str) -> None:
    if status_of(clients, name) is None:
        return
    for resource in clients.stacks.describe_stack_resources(StackName=name)["StackResources"]:
        if resource["ResourceType"] == "AWS::S3::Bucket" and resource.get("PhysicalResourceId"):
            # CloudFormation deletes empty buckets only.
            clients.bucket(resource["PhysicalResourceId"]).objects.all().delete()
    clients.stacks.delete_stack(StackName=name)
    wait(clients, name, None)


def wait(clients: Clients, name: str, wanted: str | None) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while True:
        status = status_of(clients, name)
        if status == wanted:
            return
        if status is None or not status.endswith("IN_PROGRESS"):
            raise DeployError(f"the stack is {status}: {first_failure(clients, name)}")
        if time.monotonic() > deadline:
            raise DeployError(f"the stack is still {status} after {DEADLINE_S:.0f} s")
        time.sleep(POLL_S)


def status_of(clients: Clients, name: str) -> str | None:
    """The stack's status; None when there is none."""
    try:
        status: str = clients.stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return None if status == "DELETE_COMPLETE" else status


def first_failure(clients: Clients, name: str) -> str:
    events = clients.stacks.describe_stack_events(StackName=name)["StackEvents"]
    for event in reversed(events):
        if event["ResourceStatus"].endswith("_FAILED"):
            return f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason is given')}"
    return "no event says why"


def read_outputs(clients: Clients, name: str) -> stacks.Outputs:
    stack = clients.stacks.describe_stacks(StackName=name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


if __name__ == "__main__":
    sys.exit(main())
