"""`python -m exporters export|check NAME`, from models/: one model in a process of its own. export.py calls it."""

import hashlib
import importlib
import sys
import warnings
from pathlib import Path

MODELS = Path(__file__).resolve().parent.parent
TORCH = "2.11.0"

# Deprecated upstream, and still the only format that the Rust side loads.
warnings.filterwarnings("ignore", message=".*torch.jit.*")
# numpy is not needed here.
warnings.filterwarnings("ignore", message=".*NumPy.*")


def main(what: str, name: str) -> None:
    import forebay_export
    import torch
    from manifest import Manifest

    if torch.__version__.partition("+")[0] != TORCH:
        raise SystemExit(f"torch {torch.__version__} found; {TORCH} is needed: other releases write other bytes")
    exporter = importlib.import_module(f"exporters.{name.replace('-', '_')}")
    folder = MODELS / name / "1"
    manifest = Manifest.read(folder / "model.toml")
    if what == "check":
        with torch.inference_mode():
            print(f"  {exporter.check(torch.jit.load(str(folder / manifest.weights)), MODELS / 'reference')}")
        return

    module, example = exporter.build()
    archive = forebay_export.export(module, example)
    found = hashlib.sha256(archive).hexdigest()
    if found != manifest.sha256:
        raise SystemExit(
            f"  the export's sha256 is {found},\n"
            f"  but {name}/1/model.toml names {manifest.sha256}.\n"
            "  Weights never change under a version. If the exporter was changed on purpose and no worker has this\n"
            "  version yet, write the new sha256 there; otherwise make a new version, or find out what differs."
        )
    write(folder / manifest.weights, archive)
    for companion, content in exporter.companions().items():
        write(folder / companion, content)


def write(path: Path, content: bytes) -> None:
    staged = path.with_name(f"{path.name}.new")
    staged.write_bytes(content)
    staged.replace(path)
    print(f"  wrote {path.relative_to(MODELS)}, {len(content) / 1e6:.1f} MB")


if __name__ == "__main__":
    main(*sys.argv[1:])
