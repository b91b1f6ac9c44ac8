"""Writes the lock files (see `lockfiles.py`) from what is installed: what was tested is what is pinned.

Run it with the Python of the environment to pin (``make lock``). It starts from pyproject.toml, follows the
requirements of every installed package for each machine that a lock serves, and asks the index that pip is
configured with for the hashes of all artefacts of each pinned version. Packages that only another machine
needs (Windows, a newer Python) are pinned to their newest fitting version, or stay as the old lock has them.

To take a newer version of something: install it into the environment, run the tests, run this.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

from lockfiles import (
    DEVELOPMENT,
    FOLDER,
    PLATFORMS,
    PYTHONS,
    RUNTIME,
    TORCH,
    WITH_TORCH,
    environment,
    read_lock,
    read_wanted,
)
from packaging.requirements import Requirement
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

Target = tuple[str, str]
TARGETS: Final[tuple[Target, ...]] = tuple((system, python) for system in PLATFORMS for python in PYTHONS)

_HEAD: Final = """\
# {what}
# Written by packaging/lock.py; change pyproject.toml or the environment, then run `make lock`.
# Install with: {how}
"""


@dataclass(frozen=True)
class Release:
    """A version of a package and what it requires."""

    version: str
    requires: list[Requirement]


@dataclass
class Needs:
    """Which packages which target needs."""

    targets: dict[str, set[Target]] = field(default_factory=lambda: defaultdict(set))
    releases: dict[str, Release] = field(default_factory=dict)

    def follow(self, roots: list[Requirement], without_dependencies: frozenset[str]) -> None:
        """Add ``roots`` and everything they require."""
        for target in TARGETS:
            variables = environment(*target)
            seen: set[tuple[str, frozenset[str]]] = set()
            waiting = [root for root in roots if not root.marker or root.marker.evaluate(variables)]
            while waiting:
                requirement = waiting.pop()
                name = canonicalize_name(requirement.name)
                step = (name, frozenset(requirement.extras))
                if step in seen or (WITH_TORCH.fullmatch(name) and name != "torch"):
                    continue
                seen.add(step)
                self.targets[name].add(target)
                if name in without_dependencies:
                    self._release(requirement, target)
                    continue
                extras = ["", *requirement.extras]
                waiting += [
                    child
                    for child in self._release(requirement, target).requires
                    if not child.marker
                    or any(child.marker.evaluate({**variables, "extra": extra}) for extra in extras)
                ]

    def _release(self, requirement: Requirement, target: Target) -> Release:
        name = canonicalize_name(requirement.name)
        if name not in self.releases:
            self.releases[name] = _installed(name) or _newest(requirement, target)
        release = self.releases[name]
        if not requirement.specifier.contains(release.version, prereleases=True):
            sys.exit(f"{name} {release.version} is installed, but something requires {requirement}.")
        return release


def main() -> None:
    """Write the three files."""
    wanted = read_wanted(FOLDER.parent / "pyproject.toml")
    runtime, development = Needs(), Needs()
    runtime.follow(wanted.runtime, wanted.without_dependencies)
    development.follow([*wanted.runtime, *wanted.development], wanted.without_dependencies)
    for name in list(development.targets):
        if name in runtime.targets:
            if development.targets[name] != runtime.targets[name]:
                runtime.targets[name] |= development.targets[name]  # one marker, in one file
            del development.targets[name]
    torch = Version(runtime.releases["torch"].version).public
    del runtime.targets["torch"]
    pip = "pip install --no-deps --require-hashes -r packaging"
    with _index() as hashes_of:
        _write(RUNTIME, "What it takes to install and run Bakeoff, but for torch.", pip, runtime, hashes_of)
        _write(DEVELOPMENT, "What tests and checks need besides.", pip, development, hashes_of)
    head = _HEAD.format(
        what="torch: the build that fits the machine (CPU, CUDA), hence neither hash nor local suffix.",
        how=f"pip install -r packaging/{TORCH}   (after {RUNTIME})",
    )
    (FOLDER / TORCH).write_text(f"{head}\ntorch=={torch}\n", encoding="utf-8")


def _write(file: str, what: str, how: str, needs: Needs, hashes_of: Any) -> None:
    lines = [_HEAD.format(what=what, how=f"{how}/{file}")]
    for name in sorted(needs.targets):
        version = needs.releases[name].version
        marker = _marker(needs.targets[name])
        hashes = sorted(hashes_of(name, version))
        if not hashes:
            sys.exit(f"The index has no artefact of {name} {version}.")
        rows = [f"{name}=={version}" + (f" ; {marker}" if marker else "")]
        lines.append(" \\\n".join([*rows, *(f"    --hash=sha256:{value}" for value in hashes)]))
    (FOLDER / file).write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{file}: {len(needs.targets)} packages", file=sys.stderr)


def _marker(targets: set[Target]) -> str:
    """The marker that is true on exactly these targets; empty for all of them."""
    systems = [system for system in PLATFORMS if any(target[0] == system for target in targets)]
    pythons = [python for python in PYTHONS if any(target[1] == python for target in targets)]
    if targets != {(system, python) for system in systems for python in pythons}:
        return " or ".join(f"({_marker({target})})" for target in sorted(targets))
    parts = []
    if len(systems) < len(PLATFORMS):
        parts.append(f'sys_platform == "{systems[0]}"')
    if pythons == list(PYTHONS[: len(pythons)]) and len(pythons) < len(PYTHONS):
        parts.append(f'python_version < "{PYTHONS[len(pythons)]}"')
    elif pythons == list(PYTHONS[-len(pythons) :]) and len(pythons) < len(PYTHONS):
        parts.append(f'python_version >= "{pythons[0]}"')
    elif len(pythons) < len(PYTHONS):
        parts.append("(" + " or ".join(f'python_version == "{python}"' for python in pythons) + ")")
    return " and ".join(parts)


def _installed(name: str) -> Release | None:
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return None
    return Release(found.version, [Requirement(line) for line in found.requires or []])


def _newest(requirement: Requirement, target: Target) -> Release:
    """The release that pip would take on ``target``; the version of the old lock if there is one."""
    name = canonicalize_name(requirement.name)
    old = {pin.name: pin.version for file in (RUNTIME, DEVELOPMENT) for pin in _old_pins(file)}
    specifier = f"=={old[name]}" if name in old else str(requirement.specifier)
    system = "win_amd64" if target[0] == "win32" else "manylinux_2_28_x86_64"
    with tempfile.TemporaryDirectory() as folder:
        report = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"),
                *("--no-deps", "--report", "-", "--only-binary", ":all:", "--target", folder),
                *("--platform", system, "--python-version", target[1], f"{name}{specifier}"),
            ],
            check=True,
            stdout=subprocess.PIPE,
        )
    metadata = json.loads(report.stdout)["install"][0]["metadata"]
    return Release(metadata["version"], [Requirement(line) for line in metadata.get("requires_dist", [])])


def _old_pins(file: str) -> list[Any]:
    return read_lock(FOLDER / file) if (FOLDER / file).exists() else []


@contextmanager
def _index() -> Iterator[Any]:
    """A function (name, version) -> hashes, on the index, proxy and certificates that pip is configured with."""
    from pip._internal.commands import create_command

    command: Any = create_command("download")
    options, _ = command.parse_args([])
    with command.main_context(), command._build_session(options) as session:

        def hashes_of(name: str, version: str) -> set[str]:
            answer = session.get(
                f"{options.index_url.rstrip('/')}/{name}/",
                headers={"Accept": "application/vnd.pypi.simple.v1+json, text/html;q=0.1"},
            )
            answer.raise_for_status()
            if "json" in answer.headers.get("Content-Type", ""):
                files = [(file["filename"], file["hashes"].get("sha256")) for file in answer.json()["files"]]
            else:
                page = _Page()
                page.feed(answer.text)
                files = page.files
            return {value for file, value in files if value and _is_of(file, Version(version))}

        yield hashes_of


def _is_of(file: str, version: Version) -> bool:
    """Whether an artefact is of ``version``."""
    try:
        found = parse_wheel_filename(file)[1] if file.endswith(".whl") else parse_sdist_filename(file)[1]
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return False
    return found == version


class _Page(HTMLParser):
    """A page of an index that speaks only HTML: file names and the hashes in their links."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a link."""
        link = dict(attrs).get("href") if tag == "a" else None
        if link:
            address, _, value = link.partition("#sha256=")
            self.files.append((Path(address).name, value or None))


if __name__ == "__main__":
    main()
