#!/usr/bin/env python3
"""Lays out an installed Python torch as the libtorch folder that Rust's `torch-sys` builds and links against.

The farm holds symbolic links only, and one linker script. Programs link the CPU half of torch, so that one binary runs
on machines with CUDA and without; the worker loads `libtorch_cuda.so` itself at start, from the same folder, when it is
there. torch-sys asks the linker for `-ltorch`, whose own library would pull the CUDA half in: the script replaces it.

example: python3 models/libtorch_farm.py .tools/python/lib/python3.11/site-packages/torch .tools/libtorch
"""

import argparse
import re
import shutil
import sys
from pathlib import Path

# The release that tch 0.24 is made for; its build script refuses any other.
VERSION = "2.11.0"
# Written by torch_stubs.py where the CUDA half is of no use.
STUBS_MANIFEST = "forebay-stubs.txt"
# The wheel's CPU half is linked against CUDA's runtime and profiler.
CPU_HALF = re.compile(r"lib(torch_cpu|c10|gomp\S*|cudart\S*|cupti\S*)\.so")
LINKER_SCRIPT = "/* GNU ld script: link the CPU half of torch only. */\nINPUT ( -ltorch_cpu )\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("torch_dir", type=Path, help="the folder of the torch package")
    parser.add_argument("dest", type=Path, help="the folder to make")
    arguments = parser.parse_args()
    torch, dest = arguments.torch_dir.resolve(), arguments.dest.absolute()

    found = version_of(torch)
    if found != VERSION:
        what = f"has torch {found}" if found else "has no torch headers"
        print(f"libtorch_farm: {torch} {what}; torch {VERSION} is needed", file=sys.stderr)
        return 1

    cuda = has_cuda(torch)
    links = wanted_links(torch, cuda)
    if is_laid_out(dest, links):
        print(f"libtorch_farm: {dest} is up to date")
        return 0
    if dest.exists() and not (dest / "build-version").exists():
        print(f"libtorch_farm: {dest} is there and is no libtorch: move it away", file=sys.stderr)
        return 1
    lay_out(dest, links)
    kind = "with CUDA" if cuda else "CPU only"
    print(f"libtorch_farm: made {dest}: torch {VERSION} ({kind}), {len(links)} links into {torch}")
    return 0


def version_of(torch: Path) -> str | None:
    """The release that the headers name; asking torch itself would take seconds."""
    header = torch / "include/torch/headeronly/version.h"
    if not header.exists():
        return None
    text = header.read_text()
    numbers = [re.search(rf"#define TORCH_VERSION_{part} (\d+)", text) for part in ("MAJOR", "MINOR", "PATCH")]
    return ".".join(number[1] for number in numbers if number)


def wanted_links(torch: Path, cuda: bool) -> dict[str, Path]:
    """Link → target. Torch finds its neighbours beside itself, so NVIDIA's libraries lie in the same folder."""
    links = {"include": torch / "include"}
    for library in sorted(torch.parent.glob("nvidia/*/lib/lib*.so*")) + sorted((torch / "lib").glob("lib*.so*")):
        if library.name != "libtorch.so" and (cuda or CPU_HALF.match(library.name)):
            links[f"lib/{library.name}"] = library
    return links


def has_cuda(torch: Path) -> bool:
    """Whether the CUDA half is there for use, and not only there because the wheel carries it."""
    return (torch / "lib/libtorch_cuda.so").exists() and not (torch / "lib" / STUBS_MANIFEST).exists()


def is_laid_out(dest: Path, links: dict[str, Path]) -> bool:
    version, script = dest / "build-version", dest / "lib/libtorch.so"
    if not (version.is_file() and version.read_text().strip() == VERSION):
        return False
    if not (script.is_file() and script.read_text(errors="replace") == LINKER_SCRIPT):
        return False
    there = {str(path.relative_to(dest)) for path in [dest / "include", *(dest / "lib").iterdir()] if path.is_symlink()}
    return there == set(links) and all((dest / link).readlink() == target for link, target in links.items())


def lay_out(dest: Path, links: dict[str, Path]) -> None:
    if dest.exists():
        shutil.rmtree(dest)
    (dest / "lib").mkdir(parents=True)
    # First, so that a farm left half made by an interruption is known as one and made anew.
    (dest / "build-version").write_text(f"{VERSION}\n")
    for link, target in links.items():
        (dest / link).symlink_to(target)
    (dest / "lib/libtorch.so").write_text(LINKER_SCRIPT)


if __name__ == "__main__":
    sys.exit(main())
