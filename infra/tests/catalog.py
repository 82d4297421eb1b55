"""The lanes by name, as the catalog has them."""

import tomllib
from pathlib import Path
from typing import Any

_FILE = Path(__file__).resolve().parent.parent.parent / "catalog" / "lanes.toml"
LANES: dict[str, dict[str, Any]] = tomllib.loads(_FILE.read_text())["lanes"]
