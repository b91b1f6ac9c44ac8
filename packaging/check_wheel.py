"""Builds the source archive and, from it, the wheel; checks what they carry; starts the wheel's commands.

Nothing is installed: the wheel is unpacked into a temporary folder and used from there.
"""

from __future__ import annotations

import configparser
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent

#: The wheel is looked at from a fresh Python that has it, and not the checkout, at the head of its path.
_LOOK: Final = """
import sys
sys.path.insert(0, sys.argv[1])
import engine
from engine.cli.main import run
from engine.resources import resource
assert engine.__file__.startswith(sys.argv[1]), engine.__file__
assert str(resource("tasks")).startswith(sys.argv[1]), resource("tasks")
run(["--help"])
"""


def main() -> None:
    """Build and check; ends with a sentence on the first thing that is wrong."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch).resolve()
        build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
        done = subprocess.run(build, capture_output=True, text=True, cwd=folder, check=False)
        if done.returncode != 0:
            sys.exit(f"The build failed:\n{done.stdout}{done.stderr}")
        _check_archive(next(folder.glob("*.tar.gz")))
        _check_wheel(next(folder.glob("*.whl")), project, folder / "unpacked")
    print("Source archive and wheel are complete; the wheel's command starts.")


def _check_archive(archive: Path) -> None:
    with tarfile.open(archive) as content:
        names = {name.partition("/")[2] for name in content.getnames()}
    wanted = {"pyproject.toml", "Makefile", "LICENSE", "README.md", "packaging/requirements.lock"}
    _require(wanted <= names, f"{archive.name} lacks {sorted(wanted - names)}")
    strangers = sorted(name for name in names if name.endswith((".whl", ".pyc")) or name.startswith(".venv"))
    _require(not strangers, f"{archive.name} carries {strangers[:3]}")


def _check_wheel(wheel: Path, project: dict[str, Any], folder: Path) -> None:
    with zipfile.ZipFile(wheel) as content:
        content.extractall(folder)
    shipped = {
        path.relative_to(ROOT / "resources").as_posix()
        for path in (ROOT / "resources").rglob("*")
        if path.is_file()
    }
    carried = {
        path.relative_to(folder / "engine/_resources").as_posix()
        for path in (folder / "engine/_resources").rglob("*")
        if path.is_file()
    }
    _require(bool(shipped), "there are no resources to ship")
    _require(shipped <= carried, f"{wheel.name} lacks resources: {sorted(shipped - carried)[:3]}")
    _require((folder / "engine/py.typed").exists(), f"{wheel.name} is not marked as typed")
    (info,) = folder.glob("*.dist-info")
    commands = configparser.ConfigParser()
    commands.optionxform = str  # type: ignore[assignment, method-assign]
    commands.read(info / "entry_points.txt", encoding="utf-8")
    found = dict(commands["console_scripts"])
    _require(found == project["scripts"], f"{wheel.name} has the commands {found}")
    metadata = Parser().parsestr((info / "METADATA").read_text(encoding="utf-8"))
    _require(metadata["License-Expression"] == "Apache-2.0", f"{wheel.name} names no licence")
    _require(bool(list(info.rglob("LICENSE"))), f"{wheel.name} lacks the licence's text")
    _require(len(metadata.get_payload()) > 1000, f"{wheel.name} lacks the README")
    look = [sys.executable, "-P", "-c", _LOOK, str(folder)]
    done = subprocess.run(look, capture_output=True, text=True, cwd=folder, check=False)
    _require("bakeoff" in done.stdout, f"{wheel.name} does not start:\n{done.stderr}")


def _require(holds: bool, complaint: str) -> None:
    if not holds:
        sys.exit(complaint)


if __name__ == "__main__":
    main()
