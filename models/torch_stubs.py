#!/usr/bin/env python3
"""Lets `import torch` work on a machine without CUDA, without the 2.7 GB of NVIDIA wheels.

The registry's torch wheel is built for CUDA: its libraries name cuBLAS, cuDNN and others, and the loader wants them all
to be there, though nothing calls them on a CPU. This makes a do-nothing stand-in for each one that is missing, a few
kilobytes each, beside torch's own libraries. Every function of a stand-in returns 1, which CUDA reads as an error.

Never run it where CUDA is there: a stand-in would hide the real library. It refuses to.

example: .tools/python/bin/python models/torch_stubs.py .tools/python/lib/python3.11/site-packages/torch
"""

import argparse
import ctypes
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

NVIDIA_LIBRARY = re.compile(r"lib(cu|nv|nccl)")
# The driver's own library is never stood in for: programs find out by it whether there is CUDA. Only this one wants it,
# and nothing loads this one on a CPU.
LOADED_FOR_CUDA_ONLY = "libcaffe2_nvrtc.so"
# What was made, for libtorch_farm.py.
MANIFEST = "forebay-stubs.txt"
NVIDIA_SYMBOL = re.compile(r"(cu|nv|nccl)")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("torch_dir", type=Path, help="the folder of the torch package")
    arguments = parser.parse_args()

    libraries = arguments.torch_dir / "lib"
    if not (libraries / "libtorch_cpu.so").exists():
        return refuse(f"{libraries} has no libtorch_cpu.so: give the folder of an installed torch")
    present = sorted(libraries.glob("lib*.so*")) + sorted(arguments.torch_dir.parent.glob("nvidia/*/lib/lib*.so*"))
    present = [library for library in present if library.name != LOADED_FOR_CUDA_ONLY]
    missing = missing_libraries(present)
    if not missing:
        print("torch_stubs: nothing is missing")
        return 0
    if reason := cuda_is_here():
        return refuse(f"{reason}: install the whole of torch instead (models/requirements-cuda.txt)")
    for tool in ("gcc", "nm", "readelf"):
        if shutil.which(tool) is None:
            return refuse(f"{tool} is not on the PATH: install a C compiler (Debian, Ubuntu: build-essential)")

    versioned, unversioned = wanted_symbols(present, missing)
    with (libraries / MANIFEST).open("a") as manifest:
        manifest.writelines(f"{soname}\n" for soname in missing)
    for index, soname in enumerate(missing):
        # A name without a version is found in whichever library has it, so one stand-in carries them all.
        plain = unversioned if index == 0 else set()
        build(libraries / soname, versioned[soname], plain)
        print(f"torch_stubs: made {soname}, {sum(map(len, versioned[soname].values())) + len(plain)} functions")
    return 0


def refuse(why: str) -> int:
    print(f"torch_stubs: {why}", file=sys.stderr)
    return 1


def cuda_is_here() -> str | None:
    """Why this machine is taken to have CUDA, or None."""
    if Path("/dev/nvidiactl").exists():
        return "this machine has an NVIDIA device"
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    return "this machine has an NVIDIA driver"


def missing_libraries(present: list[Path]) -> list[str]:
    names = {path.name for path in present}
    needed: dict[str, None] = {}
    for library in present:
        for soname in re.findall(r"\(NEEDED\).*\[(.+?)\]", run("readelf", "-dW", library)):
            if NVIDIA_LIBRARY.match(soname) and soname not in names:
                needed[soname] = None
    return list(needed)


def wanted_symbols(present: list[Path], missing: list[str]) -> tuple[dict[str, dict[str, set[str]]], set[str]]:
    """What the libraries want of the missing ones: soname → version → names, and the names without a version."""
    versioned: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    unversioned: set[str] = set()
    for library in present:
        owner_of: dict[str, str] = {}
        owner = ""
        for line in run("readelf", "-VW", library).splitlines():
            if found := re.search(r"File: (\S+)", line):
                owner = found[1]
            elif (found := re.search(r"Name: (\S+)", line)) and owner in missing:
                owner_of[found[1]] = owner
        for line in run("nm", "-D", "--undefined-only", library).splitlines():
            found = re.match(r"\s+[Uw] ([^@\s]+)(?:@+(\S+))?$", line)
            if not found:
                continue
            name, version = found[1], found[2]
            if version in owner_of:
                versioned[owner_of[version]][version].add(name)
            elif version is None and NVIDIA_SYMBOL.match(name):
                unversioned.add(name)
    for library in present:
        defined = run("nm", "-D", "--defined-only", library)
        unversioned -= {line.split()[-1].partition("@")[0] for line in defined.splitlines() if line.strip()}
    return versioned, unversioned


def build(path: Path, versioned: dict[str, set[str]], plain: set[str]) -> None:
    names = sorted(plain.union(*versioned.values()))
    source = [".text"]
    for name in names:
        source += [f".globl {name}", f".type {name},@function", f"{name}: mov $1, %eax", "ret"]
    source += ['.section .note.GNU-stack,"",@progbits', ""]
    script = "".join(f"{version} {{ global: {'; '.join(sorted(names))}; }};\n" for version, names in versioned.items())
    with tempfile.TemporaryDirectory() as folder:
        assembly, versions, made = Path(folder, "stub.s"), Path(folder, "versions"), Path(folder, "stub.so")
        assembly.write_text("\n".join(source))
        options = [f"-Wl,-soname,{path.name}"]
        if script:
            versions.write_text(script)
            options.append(f"-Wl,--version-script={versions}")
        run("gcc", "-shared", "-nostdlib", *options, "-o", made, assembly)
        # Moved into place whole: a run that is interrupted leaves no half library behind.
        staged = path.with_name(f".{path.name}.new")
        shutil.copy(made, staged)
        staged.rename(path)


def run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
