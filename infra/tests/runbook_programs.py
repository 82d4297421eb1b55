"""What the runbook's commands find on their PATH instead of what is not there, and why each is not run."""

import json
import os
import subprocess
import sys
from pathlib import Path

# The one that `cargo xtask deploy` asks with.
AWS = Path(__file__).resolve().parent.parent.parent / ".tools" / "awscli" / "bin" / "aws"

# Programs that are played, and why; of `cargo`, `forebay` and `forebay-worker` tidy knows whether they take what is said.
PLAYED = {
    "npx": "wrangler wants a Cloudflare account; its own dry run and the promises try what it deploys",
    "npm": "it would download the edge's packages",
    "curl": "an edge that is deployed",
    "cargo": "tidy",
    "forebay": "tidy; the command line's own tests run it against an edge",
    "forebay-worker": "tidy; the worker's own tests run doctor",
    "systemctl": "a machine with the unit; backend/tests/machine.rs",
    "journalctl": "the same",
    "nvidia-smi": "a machine with a GPU",
    "sudo": "a machine of one's own",
    "docker": "a container engine",
    "git": "a checkout of one's own",
    "gh": "a repository with releases",
}
# What of AWS LocalStack lacks, and why; the command line says whether AWS would know these parameters.
DESCRIBED = {
    "autoscaling": "LocalStack makes no group of fleet.yaml",
    "ce": "LocalStack has no bills",
    "lambda": "LocalStack's stack has no reaper",
    "ssm": "there is no machine",
    "ec2 get-console-output": "the same",
    "cloudformation continue-update-rollback": "no update failed",
}
# Whatever has no description, for it is the command line's own; the reason why LocalStack does not run it.
UNTRIED = {
    "aws logs tail": "version 2 of the command line has it, version 1 of PyPI does not",
    "aws cloudformation deploy --template-file infra/fleet.yaml": "no group is made; test_localstack.py deploys it",
}


def described(words: list[str]) -> bool:
    return any(" ".join(words).startswith(f"{listed} ") or words[0] == listed for listed in DESCRIBED)


def untried(words: list[str]) -> bool:
    said = ["aws", *words]
    return any(set(listed.split()) <= set(said) for listed in UNTRIED)


def play() -> None:
    """What stands for a program on the blocks' PATH: this file, by the program's name."""
    program, words = Path(sys.argv[0]).name, sys.argv[1:]
    with Path(os.environ["RUNBOOK_LOG"]).open("a") as log:
        log.write(json.dumps([program, *words]) + "\n")
    if program != "aws":
        if not sys.stdin.isatty() and program in ("npx", "curl", "jq"):
            sys.stdin.read()
        return
    if untried(words):
        return
    if words[:2] == ["cloudformation", "deploy"]:
        # As version 2 of the command line does by itself, which one has today:
        # https://docs.aws.amazon.com/cli/latest/userguide/cliv2-migration-changes.html
        words.append("--no-fail-on-empty-changeset")
    if not described(words):
        os.execv(AWS, [str(AWS), *words, "--endpoint-url", os.environ["RUNBOOK_ENDPOINT"]])
    # Parameters are judged before anybody is asked, and here nobody answers.
    asked = [str(AWS), *words, "--endpoint-url", "http://127.0.0.1:1"]
    done = subprocess.run(asked, env=os.environ | {"AWS_MAX_ATTEMPTS": "1"}, capture_output=True, text=True)
    if "Could not connect to the endpoint URL" not in done.stderr:
        sys.exit(done.stderr or "it asked nobody")
