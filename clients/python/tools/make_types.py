"""Writes `src/forebay/types.py` from the service's OpenAPI document: what its answers hold, and its closed lists.

python tools/make_types.py            # writes it
python tools/make_types.py --check    # says whether it is stale
"""

import json
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent.parent
DOCUMENT = HERE.parent.parent / "edge/console/openapi.json"
TYPES = HERE / "src/forebay/types.py"
# Of the operator and of the service's own parts: no client calls these.
FOREIGN_TAGS = {"Operator", "Workers"}
WIDTH = 118
SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}

Schema = dict[str, Any]


def made(document: Schema) -> str:
    """The whole module."""
    schemas: dict[str, Schema] = document["components"]["schemas"]
    names = sorted(reachable(document))
    parts = [HEAD.format(version=document["info"]["version"])]
    aliases = [name for name in names if "properties" not in schemas[name]]
    # An alias is evaluated where it stands: what it names comes first.
    done: list[str] = []
    while aliases:
        ready = [name for name in aliases if not (set(named(schemas[name])) - {name}) & set(aliases)]
        done += ready
        aliases = [name for name in aliases if name not in ready]
    parts += [alias(name, schemas[name]) for name in done]
    parts += [table(name, schemas[name]) for name in names if name not in done]
    parts.append(statuses(document))
    return "\n\n".join(parts) + "\n"


def reachable(document: Schema) -> set[str]:
    """The schemas that a client can meet."""
    schemas = document["components"]["schemas"]
    operations = [
        operation
        for path in document["paths"].values()
        for operation in path.values()
        if not FOREIGN_TAGS & set(operation.get("tags", ()))
    ]
    # What is sent to a webhook is no answer to a call.
    found = {"Problem", "WebhookMessage"}
    waiting = [*named(operations), *found]
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting += [other for other in named(schemas[name]) if other not in found]
    return found


def named(part: object) -> list[str]:
    """The schemas that a part of the document refers to."""
    if isinstance(part, list):
        return [name for item in part for name in named(item)]
    if not isinstance(part, dict):
        return []
    reference = part.get("$ref", "")
    own = [reference.rsplit("/", 1)[-1]] if reference.startswith("#/components/schemas/") else []
    return own + [name for key, value in part.items() if key != "examples" for name in named(value)]


def alias(name: str, schema: Schema) -> str:
    line = f"{name}: TypeAlias = {shape(schema)}"
    if len(line) > WIDTH:
        start, rest = line.split("[", 1)
        values = textwrap.fill(rest.removesuffix("]") + ",", WIDTH - 4, break_on_hyphens=False)
        line = f"{start}[\n{textwrap.indent(values, '    ')}\n]"
    return comment(schema.get("description", "")) + line


def table(name: str, schema: Schema) -> str:
    required = set(schema.get("required", ()))
    lines = [f"class {name}(TypedDict):", f'    """{sentence(schema.get("description", name + "."))}"""', ""]
    for key, value in schema["properties"].items():
        kind = shape(value)
        lines.append(f"    {key}: {kind if key in required else f'NotRequired[{kind}]'}")
        if description := value.get("description"):
            lines.append(f'    """{sentence(description)}"""')
    return "\n" + "\n".join(lines)


def shape(schema: Schema) -> str:
    """A schema as Python's types have it."""
    if reference := schema.get("$ref"):
        return str(reference.rsplit("/", 1)[-1])
    if "enum" in schema:
        return f"Literal[{', '.join(json.dumps(value) for value in schema['enum'])}]"
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " | ".join(dict.fromkeys(shape(option) for option in schema[key]))
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return " | ".join(one(kind, schema) for kind in kinds) or "Any"


def one(kind: str, schema: Schema) -> str:
    if kind == "array":
        items = schema.get("items")
        return f"list[{shape(items) if isinstance(items, dict) else 'Any'}]"
    if kind == "object":
        more = schema.get("additionalProperties")
        return f"dict[str, {shape(more) if isinstance(more, dict) else 'Any'}]"
    return SCALARS[kind]


def statuses(document: Schema) -> str:
    """The status that each problem comes with, as the refusals of the document have it."""
    found: dict[str, set[int]] = {}
    for response in document["components"]["responses"].values():
        for body in response.get("content", {}).values():
            properties = body["schema"]["allOf"][1]["properties"]
            for code in properties["code"]["enum"]:
                found.setdefault(code, set()).add(properties["status"]["const"])
    known: list[str] = document["components"]["schemas"]["ProblemCode"]["enum"]
    rows = [f'    "{code}": {min(found[code])},' for code in known if len(found.get(code, ())) == 1]
    text = comment("The HTTP status that a problem comes with, for all that come with one.")
    return f"\n{text}STATUS_OF_CODE: Final[dict[str, int]] = {{\n" + "\n".join(rows) + "\n}"


def comment(text: str) -> str:
    line = sentence(text)
    return f"# {line}\n" if line else ""


def sentence(text: str) -> str:
    """The first sentence, on one line that is short enough."""
    line = re.split(r"(?<=[.;])\s", " ".join(text.split()).replace("\\", ""))[0]
    # A list of values that no sentence introduces says nothing of the whole.
    line = "" if line.startswith("* ") else line
    return line if len(line) <= 108 else line[:107].rsplit(" ", 1)[0] + "…"


HEAD = '''"""What the service's answers hold.

Made from its OpenAPI document ({version}) by tools/make_types.py: not edited by hand.
New members may come to answers, and new values to lists: ignore what you do not know.
"""

from __future__ import annotations

import sys
from typing import Any, Final, Literal, TypeAlias, TypedDict

if sys.version_info >= (3, 11):
    from typing import NotRequired
else:
    from typing_extensions import NotRequired
'''


def main() -> int:
    text = made(json.loads(DOCUMENT.read_text(encoding="utf-8")))
    if sys.argv[1:] == ["--check"]:
        stale = TYPES.read_text(encoding="utf-8") != text
        if stale:
            print(f"{TYPES} is stale: python tools/make_types.py")
        return int(stale)
    TYPES.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
