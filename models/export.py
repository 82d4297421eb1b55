#!/usr/bin/env python3
"""Exports the demonstration models to models/NAME/VERSION/model.pt.

The weights come from Python packages (models/requirements.txt). What is there and has the SHA-256 that model.toml names
is left alone, in well under a second.

example: .tools/python/bin/python models/export.py
example: .tools/python/bin/python models/export.py efficientnet-lite0 --check
"""

import argparse
import hashlib
import subprocess
import sys
import time
from pathlib import Path

from manifest import Manifest

MODELS = Path(__file__).resolve().parent


def main() -> int:
    known = sorted(path.parent.parent.name for path in MODELS.glob("*/*/model.toml") if has_exporter(path))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which (all): {', '.join(known)}")
    parser.add_argument("--check", action="store_true", help="compare answers with models/reference/")
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.names) - set(known)):
        print(f"export: there is no exporter for {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2

    for name in arguments.names or known:
        folder = MODELS / name / "1"
        if not is_exported(folder) and (status := run_exporter(name, "export")):
            return status
        print(f"export: {name} is ready", flush=True)
        if arguments.check and (status := run_exporter(name, "check")):
            return status
    return 0


def has_exporter(manifest: Path) -> bool:
    """Models that users added lie in the same folder, and are not ours to make."""
    return (MODELS / "exporters" / f"{manifest.parent.parent.name.replace('-', '_')}.py").exists()


def is_exported(folder: Path) -> bool:
    manifest = Manifest.read(folder / "model.toml")
    digests = {manifest.weights: manifest.sha256} | {name: None for name in manifest.companions}
    for name, sha256 in digests.items():
        path = folder / name
        if not path.exists():
            return False
        if sha256 and hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            print(f"export: {path.relative_to(MODELS)} is not what model.toml names: making it anew", flush=True)
            return False
    return True


def run_exporter(name: str, what: str) -> int:
    """A process for each model: names inside a TorchScript file depend on what the process compiled before."""
    print(f"export: {name}: {what} ...", flush=True)
    began = time.monotonic()
    status = subprocess.run([sys.executable, "-m", "exporters", what, name], cwd=MODELS).returncode
    if status:
        print(f"export: {name}: {what} failed", file=sys.stderr)
    else:
        print(f"export: {name}: {what} took {time.monotonic() - began:.1f} s", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
