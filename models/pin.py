#!/usr/bin/env python3
"""Pins a list of Python packages: every version, and the hash of the file that each Python would install.

Reads `name` or `name==version` lines (old hashes are dropped, comments stay where they are), asks pip what it would
install on 64-bit x86 Linux for each Python, and prints the list with versions and hashes. Nothing is installed. Needs a
recent pip.

example: .tools/python/bin/python models/pin.py models/requirements-cpu.txt > new.txt
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list", type=Path)
    parser.add_argument("--python", nargs="+", default=PYTHONS, metavar="VERSION", help="the Pythons to pin for")
    parser.add_argument("--dependencies", action="store_true", help="add what they depend on, for this Python")
    parser.add_argument("--ignore-requires-python", action="store_true", help="as pip's: for packages of data")
    arguments = parser.parse_args()

    lines = [line.rstrip(" \\") for line in arguments.list.read_text().splitlines() if "--hash=" not in line]
    wanted = [line for line in lines if line and not line.startswith("#")]
    options = ["--ignore-requires-python"] if arguments.ignore_requires_python else []
    if arguments.dependencies:
        found = resolve(wanted, options)
        wanted = [f"{name}=={version}" for name, (version, _) in sorted(found.items())]
        lines = [line for line in lines if line.startswith("#")] + wanted

    hashes: dict[str, set[str]] = {}
    versions: dict[str, str] = {}
    for python in arguments.python:
        print(f"pin: asking for Python {python}", file=sys.stderr)
        for_python = ["--no-deps", "--only-binary", ":all:", "--python-version", python, "--target", "nowhere"]
        for name, (version, digest) in resolve(wanted, options + for_python).items():
            if versions.setdefault(name, version) != version:
                print(f"pin: {name} is {versions[name]} and, on Python {python}, {version}: name one", file=sys.stderr)
                return 1
            hashes.setdefault(name, set()).add(digest)
    for line in lines:
        name = normal(re.split(r"[=<>\[ ]", line)[0])
        if name in versions:
            pins = [f"    --hash=sha256:{digest}" for digest in sorted(hashes[name])]
            line = " \\\n".join([f"{name}=={versions[name]}", *pins])
        print(line)
    return 0


def resolve(wanted: list[str], options: list[str]) -> dict[str, tuple[str, str]]:
    """Name → version and hash of what pip would install."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--ignore-installed", "--report", "-"]
    report = json.loads(subprocess.run([*command, *options, *wanted], check=True, stdout=subprocess.PIPE).stdout)
    return {
        normal(item["metadata"]["name"]): (
            item["metadata"]["version"],
            item["download_info"]["archive_info"]["hashes"]["sha256"],
        )
        for item in report["install"]
    }


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main())
