"""Reads the part of a model.toml that exporting needs."""

from dataclasses import dataclass
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10; pip carries the same reader
    from pip._vendor import tomli as tomllib


@dataclass(frozen=True)
class Manifest:
    """The files beside a model.toml, relative to it."""

    weights: str
    sha256: str | None
    companions: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> "Manifest":
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        weights = content.get("weights", {})
        named = (content.get("text", {}).get("tokenizer"), content.get("output", {}).get("labels"))
        return cls(weights.get("file", "model.pt"), weights.get("sha256"), tuple(name for name in named if name))
