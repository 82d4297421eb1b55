"""Each command of OPERATING.md can be run.

Its blocks run in bash as one would paste them, one after the other: `aws` is the AWS command line itself, over a LocalStack
that has all four stacks. What LocalStack does not have is held to AWS's own descriptions of its services instead, and what
wants another account or a machine is played: `runbook_programs.py` lists both, with the reasons. A program that is neither
run nor listed is not found. `cargo xtask tidy` holds commands of `forebay`, `forebay-worker` and `cargo xtask` to their
definitions.
"""

import json
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

from runbook_programs import DESCRIBED, PLAYED, UNTRIED
from templates import INFRA

ROOT = INFRA.parent
TEXT = (ROOT / "OPERATING.md").read_text()
LOCALSTACK = ROOT / ".tools/localstack/bin/python"
SERVICES = "sqs,s3,sts,iam,cloudformation,cloudwatch,sns,logs,ec2,autoscaling,secretsmanager"
# On a busy machine one `aws` takes ten seconds, and a block has six.
DEADLINE_S = 600

# What the reader puts in.
STANDS_FOR = {
    "PREFIX": "forebay",
    "LANE": "paid-light",
    "INSTANCE": "i-0123456789abcdef0",
    "OLD-BUCKET": "old",
    "NEW-BUCKET": "new",
    "CODE": "old",
    "MODELS": "old",
    "NAME": "forebay-s3-5xx",
    "N": "2",
    "/opt/forebay-worker/forebay-worker": "forebay-worker",
}


def blocks() -> list[tuple[int, str]]:
    """Each block of shell and its line; and of running text each command of `aws` that has parameters."""
    found = []
    for block in re.finditer(r"^( *)```sh\n(.*?)^ *```$", TEXT, re.M | re.S):
        found.append((block.start(2), re.sub(f"^{block[1]}", "", block[2], flags=re.M)))
    prose = re.sub(r"```.*?```", lambda block: " " * len(block[0]), TEXT, flags=re.S)
    for span in re.finditer(r"`(aws [^`]* --[^`]*)`", prose):
        found.append((span.start(1), re.sub(r"\s+", " ", span[1])))
    return [(TEXT.count("\n", 0, at) + 1, filled_in(text)) for at, text in found]


def filled_in(text: str) -> str:
    for name, value in STANDS_FOR.items():
        text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w=])" if name[0] != "/" else re.escape(name), value, text)
    return text.replace("…", "x")


PLAYER = f"""#!{sys.executable}
import sys
sys.path.insert(0, {str(INFRA / "tests")!r})
import runbook_programs
runbook_programs.play()
"""


class Runbook(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="forebay-runbook-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.log = self.folder / "log"
        self.log.touch()
        programs = self.folder / "bin"
        programs.mkdir()
        # Where there is no jq what it would make of a secret goes nowhere anyway: to a played wrangler.
        for name in [*PLAYED, "aws", *(["jq"] if shutil.which("jq") is None else [])]:
            (programs / name).write_text(PLAYER)
            (programs / name).chmod(0o755)
        self.environment = {
            "PATH": f"{programs}:/usr/bin:/bin",
            "HOME": str(self.folder),
            "RUNBOOK_LOG": str(self.log),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_PAGER": "",
            "FOREBAY_ADMIN_TOKEN": "x" * 32,
            "ADMIN_TOKEN": "x" * 32,
        }

    def ran(self, text: str) -> tuple[int, str]:
        """In a folder with this checkout's templates; what is written falls there."""
        command = ["bash", "-euo", "pipefail", "-c", text]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=DEADLINE_S
        )
        return done.returncode, done.stdout + done.stderr

    def commands(self) -> list[list[str]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def test_each_command_runs_as_it_is_written(self) -> None:
        self.start_localstack()
        (self.folder / "infra").symlink_to(INFRA)
        for name in ("edge", "models"):
            (self.folder / name).mkdir()
        (self.folder / "worker.tar.gz").write_text("an archive")
        for name in ("old", "new"):
            self.assertEqual(self.ran(f"aws s3 mb s3://{name}")[0], 0)
        self.log.write_text("")
        failed = []
        for line, text in blocks():
            status, said = self.ran(text)
            if status != 0:
                failed.append(f"OPERATING.md:{line}: status {status}\n{text}\n{said}")
        self.assertEqual(failed, [], "\n".join(failed))
        # Not one of those that are written was passed by.
        written = sum(len(re.findall(r"(?:^|[|(&;]\s*|\$\()aws ", text, re.M)) for _, text in blocks())
        self.assertGreaterEqual(sum(words[0] == "aws" for words in self.commands()), written)
        self.assertGreater(written, 20)
        self.assert_lists_are_of_use()

    def assert_lists_are_of_use(self) -> None:
        """What nothing in the runbook says any more goes from the lists."""
        commands = self.commands()
        text = " ".join(shlex.quote(word) for words in commands for word in words)
        for listed in DESCRIBED:
            self.assertIn(f"aws {listed}", text)
        for listed in UNTRIED:
            self.assertTrue(any(set(listed.split()) <= set(words) for words in commands), listed)

    def test_a_wrong_command_does_not_pass(self) -> None:
        self.environment["RUNBOOK_ENDPOINT"] = "http://127.0.0.1:1"
        for wrong, words in [
            ("aws autoscaling set-desired-capacity --group forebay-workers --desired-capacity 2", "required"),
            ("aws autoscaling set-desired-capacity --auto-scaling-group-name g --desired-capacity a", "invalid literal"),
            ("aws ce get-cost --granularity MONTHLY", "Invalid choice"),
            ("aws sqs get-queue-atributes --queue-url x", "Invalid choice"),
            ("terraform apply", "not found"),
        ]:
            status, said = self.ran(wrong)
            self.assertNotEqual(status, 0, wrong)
            self.assertRegex(said, re.compile(words, re.I), wrong)

    def start_localstack(self) -> None:
        port = free_port()
        endpoint = self.environment["RUNBOOK_ENDPOINT"] = f"http://127.0.0.1:{port}"
        run = [LOCALSTACK, ROOT / "localstack/run.py", "--port", str(port), "--state-dir", self.folder / "state"]
        running = subprocess.Popen([*run, "--services", SERVICES, "--die-with-parent"])
        self.addCleanup(stop, running)
        deadline = time.monotonic() + DEADLINE_S
        while True:
            try:
                with urllib.request.urlopen(f"{endpoint}/_localstack/health", timeout=5):
                    break
            except OSError:
                self.assertIsNone(running.poll(), "LocalStack has ended")
                self.assertLess(time.monotonic(), deadline, "LocalStack does not answer")
                time.sleep(0.2)
        deploy = [LOCALSTACK, ROOT / "localstack/deploy.py", "--endpoint", endpoint, "--all"]
        done = subprocess.run(deploy, capture_output=True, text=True, timeout=DEADLINE_S)
        self.assertEqual(done.returncode, 0, done.stderr)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def stop(running: "subprocess.Popen[bytes]") -> None:
    running.send_signal(signal.SIGTERM)
    try:
        running.wait(30)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()


if __name__ == "__main__":
    unittest.main()
