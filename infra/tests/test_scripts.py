"""Every shell script and Dockerfile of the checkout, as shellcheck and hadolint see them.

Scripts that lie within other files are looked at too: those that a machine of fleet.yaml runs, and steps of workflows.
"""

import re
import subprocess
import sys
import unittest
from collections.abc import Iterator
from pathlib import Path

import yaml
from templates import INFRA, machine_scripts

ROOT = INFRA.parent


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    # What is deleted and not yet committed is listed too.
    return [path for path in listed.split("\0") if (ROOT / path).is_file()]


def is_script(path: str) -> bool:
    with (ROOT / path).open("rb") as file:
        first = file.readline(64)
    return path.endswith(".sh") or re.match(rb"#!.*\b(ba|da)?sh$", first.rstrip()) is not None


def is_dockerfile(path: str) -> bool:
    return re.search(r"(^|/)(Dockerfile|Containerfile)[^/]*$", path) is not None and not path.endswith("ignore")


def steps(value: object) -> Iterator[str]:
    """What the steps of a workflow or an action run in a shell."""
    if isinstance(value, dict):
        if isinstance(value.get("run"), str):
            yield value["run"]
        for inner in value.values():
            yield from steps(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from steps(inner)


def linted(*command: object, text: str | None = None) -> tuple[int, str]:
    linter = Path(sys.executable).with_name(str(command[0]))
    done = subprocess.run([linter, *command[1:]], cwd=ROOT, input=text, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


class Scripts(unittest.TestCase):
    def test_shellcheck_finds_nothing_in_any_script(self) -> None:
        scripts = [path for path in tracked() if is_script(path)]
        self.assertLessEqual({"edge/build.sh", "infra/worker/user-data.sh", ".ci/run"}, set(scripts))
        self.assertEqual(linted("shellcheck", *scripts), (0, ""))

    def test_shellcheck_finds_nothing_in_what_a_new_machine_runs(self) -> None:
        for script in machine_scripts(Package="s3://code/worker.tar.gz", StartCommand="start", StopCommand="stop"):
            # What is taken from parameters is the same every time, which the script cannot know; and the settings are
            # written by it.
            self.assertEqual(linted("shellcheck", "--exclude=SC2157,SC2050,SC1091", "-", text=script), (0, ""))

    def test_shellcheck_finds_nothing_in_the_steps_of_workflows(self) -> None:
        found = 0
        for path in (path for path in tracked() if path.startswith(".github/") and path.endswith((".yml", ".yaml"))):
            for script in steps(yaml.safe_load((ROOT / path).read_text())):
                found += 1
                # GitHub writes ${{ … }} out before the shell sees it.
                script = re.sub(r"\$\{\{.*?\}\}", "written-out", script)
                self.assertEqual(linted("shellcheck", "--shell=bash", "-", text=script), (0, ""), f"{path}: {script}")
        self.assertGreater(found, 10)

    def test_a_wrong_script_does_not_pass(self) -> None:
        right = (INFRA / "worker/healthy.sh").read_text()
        wrong = right.replace('"$status"', "$status")
        self.assertNotEqual(right, wrong)
        self.assertEqual(linted("shellcheck", "-", text=right)[0], 0)
        self.assertIn("SC2086", linted("shellcheck", "-", text=wrong)[1])


class Images(unittest.TestCase):
    def test_hadolint_finds_nothing_in_any_dockerfile(self) -> None:
        files = [path for path in tracked() if is_dockerfile(path)]
        self.assertLessEqual({"infra/worker/Dockerfile", "infra/burst/Dockerfile"}, set(files))
        self.assertEqual(linted("hadolint", *files), (0, ""))

    def test_a_wrong_dockerfile_does_not_pass(self) -> None:
        right = (INFRA / "worker/Dockerfile").read_text()
        # Its last user would be root again, and the release whatever is newest that day.
        wrong = right.replace("FROM debian:${DEBIAN_RELEASE}-slim", "FROM debian:latest")
        self.assertNotEqual(right, wrong)
        self.assertEqual(linted("hadolint", "-", text=right)[0], 0)
        self.assertIn("DL3007", linted("hadolint", "-", text=wrong)[1])


if __name__ == "__main__":
    unittest.main()
