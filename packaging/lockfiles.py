"""The lock files: how they are read, and whether they agree with pyproject.toml. Asks no network.

`lock.py` writes them. There are three, all in pip's own format (a fourth, ``requirements-oracle.lock``, is one line
for tests and kept by hand):

- ``requirements.lock``: what it takes to install and run Bakeoff from source, hashed;
- ``requirements-dev.lock``: what tests and checks need besides, hashed;
- ``requirements-torch.lock``: torch alone, without hash, because which build of a version is the right one
  (CPU, CUDA, ROCm) depends on the machine, and pip accepts no unhashed line among hashed ones.

Run it to check: ``python packaging/lockfiles.py``.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FOLDER: Final = Path(__file__).resolve().parent
RUNTIME: Final = "requirements.lock"
DEVELOPMENT: Final = "requirements-dev.lock"
TORCH: Final = "requirements-torch.lock"

#: Come with a CUDA build of torch, which pins them itself; the right ones depend on the machine.
WITH_TORCH: Final = re.compile(r"(nvidia|cuda)-.*|triton(-.*)?|torch")
#: Operating systems (``sys_platform``) and Pythons that a lock serves.
PLATFORMS: Final = ("linux", "win32")
PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")


@dataclass(frozen=True)
class Pin:
    """One line of a lock.

    Attributes:
        requirement: Name, exact version and marker.
        hashes: SHA-256 in hex of every artefact of that version.
    """

    requirement: Requirement
    hashes: frozenset[str]

    @property
    def name(self) -> str:
        """The canonical name."""
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        """The pinned version; empty when the line does not pin exactly one."""
        specifiers = list(self.requirement.specifier)
        exact = len(specifiers) == 1 and specifiers[0].operator == "==" and "*" not in specifiers[0].version
        return specifiers[0].version if exact else ""


@dataclass(frozen=True)
class Wanted:
    """What pyproject.toml asks for.

    Attributes:
        runtime: Dependencies, build requirements and the pins of ``[tool.bakeoff.lock]``.
        development: The dependency group ``dev``.
        without_dependencies: Names whose own requirements are left out on purpose.
    """

    runtime: list[Requirement]
    development: list[Requirement]
    without_dependencies: frozenset[str]


def read_lock(path: Path) -> list[Pin]:
    """The pins of a lock file."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    pins = []
    for line in text.splitlines():
        words = line.split("#")[0].split("--hash=sha256:")
        if words[0].strip():
            pins.append(Pin(Requirement(words[0].strip()), frozenset(word.strip() for word in words[1:])))
    return pins


def read_wanted(pyproject: Path) -> Wanted:
    """What pyproject.toml asks for."""
    document: dict[str, Any] = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    bare = [Requirement(line) for line in document["tool"]["bakeoff"]["lock"]["without-dependencies"]]
    build = [*document["build-system"]["requires"], *document["tool"]["bakeoff"]["lock"]["build"]]
    return Wanted(
        runtime=[*map(Requirement, [*document["project"]["dependencies"], *build]), *bare],
        development=[Requirement(line) for line in document["dependency-groups"]["dev"]],
        without_dependencies=frozenset(canonicalize_name(requirement.name) for requirement in bare),
    )


def environment(platform: str, python: str) -> dict[str, str]:
    """The marker variables of a machine that a lock serves."""
    windows = platform == "win32"
    return {
        "sys_platform": platform,
        "platform_system": "Windows" if windows else "Linux",
        "os_name": "nt" if windows else "posix",
        "platform_machine": "AMD64" if windows else "x86_64",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
        "implementation_version": f"{python}.0",
        "python_version": python,
        "python_full_version": f"{python}.0",
        "platform_release": "",
        "platform_version": "",
        "extra": "",
    }


def problems(folder: Path = FOLDER) -> list[str]:
    """What is wrong with the locks of ``folder``, whose parent holds pyproject.toml; empty when all is well."""
    wanted = read_wanted(folder.parent / "pyproject.toml")
    runtime, development, torch = (read_lock(folder / name) for name in (RUNTIME, DEVELOPMENT, TORCH))
    found = [*_malformed([*runtime, *development], hashed=True), *_malformed(torch, hashed=False)]
    if [pin.name for pin in torch] != ["torch"]:
        found.append(f"{TORCH} must pin torch and nothing else")
    twice = {pin.name for pin in runtime} & {pin.name for pin in development}
    found += [f"{name} is pinned in both {RUNTIME} and {DEVELOPMENT}" for name in sorted(twice)]
    found += _unmet(wanted.runtime, [*runtime, *torch], "pyproject.toml")
    found += _unmet(wanted.development, [*runtime, *torch, *development], "the group dev of pyproject.toml")
    return found


def _malformed(pins: list[Pin], *, hashed: bool) -> Iterable[str]:
    for pin in pins:
        if not pin.version:
            yield f"{pin.name} is not pinned to one version"
        if "+" in pin.version:
            yield f"{pin.name} {pin.version} has a local suffix, which no registry has"
        if pin.requirement.url:
            yield f"{pin.name} names an address"
        if hashed and WITH_TORCH.fullmatch(pin.name):
            yield f"{pin.name} belongs to torch and must not be among the hashed pins"
        if hashed != bool(pin.hashes):
            yield f"{pin.name} has {'no hash' if hashed else 'a hash'}"


def _unmet(wanted: list[Requirement], pins: list[Pin], source: str) -> Iterable[str]:
    """Requirements that no pin meets on some machine that the locks serve."""
    for requirement in wanted:
        name = canonicalize_name(requirement.name)
        for target in (environment(platform, python) for platform in PLATFORMS for python in PYTHONS):
            if requirement.marker and not requirement.marker.evaluate(target):
                continue
            fitting = [
                pin
                for pin in pins
                if pin.name == name
                and (not pin.requirement.marker or pin.requirement.marker.evaluate(target))
            ]
            if not any(requirement.specifier.contains(pin.version, prereleases=True) for pin in fitting):
                has = ", ".join(pin.version for pin in fitting) or "nothing"
                yield (
                    f"{source} wants {requirement}, the locks have {has} "
                    f"on {target['sys_platform']}, Python {target['python_version']}"
                )
                break


if __name__ == "__main__":
    complaints = problems()
    sys.exit("\n".join([*complaints, "Write the locks again with: make lock"]) if complaints else 0)
