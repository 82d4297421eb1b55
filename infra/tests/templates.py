"""The templates as data: short forms (!Ref) written as long ones ({"Ref": …})."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cfnlint.decode import decode

INFRA = Path(__file__).resolve().parent.parent
NAMES = ["network", "forebay", "fleet", "alarms"]

Resource = dict[str, Any]


def path(name: str) -> Path:
    return INFRA / f"{name}.yaml"


def read(name: str) -> dict[str, Any]:
    template, complaints = decode(str(path(name)))
    if complaints:
        raise ValueError(f"{name}: {complaints}")
    return dict(template)


def resources(name: str) -> dict[str, Resource]:
    return dict(read(name)["Resources"])


def of_type(name: str, kind: str) -> dict[str, Resource]:
    return {key: resource for key, resource in resources(name).items() if resource["Type"] == kind}


def walk(value: Any) -> Iterator[Any]:
    """The value and everything in it."""
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        yield from walk(inner)


def statements(name: str) -> Iterator[Resource]:
    """Every statement of every policy, those behind conditions too."""
    for value in walk(read(name)["Resources"]):
        if isinstance(value, dict) and "Effect" in value:
            yield value


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def machine_scripts(**values: str) -> list[str]:
    """What a new machine of the fleet runs, and the scripts that it writes down by `cat > FILE <<'NAME'`."""
    data = resources("fleet")["LaunchTemplate"]["Properties"]["LaunchTemplateData"]
    text = data["UserData"]["Fn::Base64"]["Fn::Sub"]
    script = re.sub(r"\$\{(?:AWS::)?(\w+)\}", lambda found: values.get(found[1], "x"), text)
    written = re.findall(r"<<'(\w+)'\n(.*?\n)\1\n", script, re.S)
    return [script, *(inner for _, inner in written if inner.startswith("#!"))]
