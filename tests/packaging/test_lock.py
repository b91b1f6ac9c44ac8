"""The lock files pin what pyproject.toml asks for, safely, for every machine that they serve."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "packaging"
HASHED = ("requirements.lock", "requirements-dev.lock")


def logical_lines(file: str) -> list[str]:
    """The lines of a lock as pip sees them: comments gone, continued lines joined."""
    text = (FOLDER / file).read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def names(file: str) -> list[str]:
    return [re.split(r"[ =;]", line)[0] for line in logical_lines(file)]


@pytest.mark.parametrize("file", HASHED)
def test_every_line_is_one_exact_version_with_hashes(file: str) -> None:
    lines = logical_lines(file)
    assert len(lines) > 20
    for line in lines:
        assert re.match(r"[a-z0-9-]+==[0-9][0-9a-z.]*( ; [^#]+?)?( +--hash=sha256:[0-9a-f]{64})+ *$", line), (
            line[:80]
        )


def test_torch_stands_alone_without_hash_or_local_suffix() -> None:
    assert logical_lines("requirements-torch.lock") == ["torch==2.13.0"]


def test_nothing_of_cuda_is_pinned() -> None:
    for file in HASHED:
        strangers = [name for name in names(file) if name.startswith(("torch", "nvidia", "cuda", "triton"))]
        assert strangers == []


def test_no_address_and_no_option_of_pip_is_written_down() -> None:
    for file in (*HASHED, "requirements-torch.lock"):
        text = (FOLDER / file).read_text(encoding="utf-8")
        assert "://" not in text
        assert not re.search(r"--(extra-)?(index|find|trusted)", text)


def test_a_package_is_pinned_once() -> None:
    everything = [name for file in (*HASHED, "requirements-torch.lock") for name in names(file)]
    assert sorted(set(everything)) == sorted(everything)


@pytest.mark.parametrize(
    ("name", "system"),
    [("secretstorage", "linux"), ("jeepney", "linux"), ("pywin32-ctypes", "win32")],
)
def test_what_one_system_needs_is_marked(name: str, system: str) -> None:
    (line,) = [line for file in HASHED for line in logical_lines(file) if line.startswith(f"{name}==")]
    assert f'sys_platform == "{system}"' in line


@pytest.mark.parametrize("name", ["typing-extensions", "sympy", "networkx", "jinja2", "fsspec", "filelock"])
def test_what_torch_requires_is_pinned_with_hashes(name: str) -> None:
    assert name in names("requirements.lock")


def test_locks_agree_with_the_project() -> None:
    done = check(FOLDER)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_dependency_that_no_lock_pins_is_reported(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    project = tmp_path / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    assert '"alembic>=1.20",' in text
    project.write_text(
        text.replace('"alembic>=1.20",', '"alembic>=99",\n  "unheard-of>=1",'), encoding="utf-8"
    )
    done = check(folder)
    assert done.returncode == 1
    assert "wants alembic>=99, the locks have 1." in done.stderr
    assert "wants unheard-of>=1, the locks have nothing on linux" in done.stderr


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        (r"orjson==", "orjson>=", "orjson is not pinned to one version"),
        (r"orjson==(\S+)", r"orjson==\1+cpu", "has a local suffix"),
        (r"(orjson==\S+) \\\n( +--hash=\S+( \\)?\n)+", r"\1\n", "orjson has no hash"),
        (r"\norjson==", "\nnvidia-cublas==", "nvidia-cublas belongs to torch"),
        (r'pywin32-ctypes==(\S+) ; sys_platform == "win32"', r"pywin32-ctypes==\1", None),
    ],
)
def test_a_spoilt_lock_is_reported(tmp_path: Path, before: str, after: str, complaint: str | None) -> None:
    folder = copied(tmp_path)
    lock = folder / "requirements.lock"
    text, count = re.subn(before, after, lock.read_text(encoding="utf-8"))
    assert count == 1
    lock.write_text(text, encoding="utf-8")
    done = check(folder)
    if complaint is None:
        assert done.returncode == 0  # more than needed is no fault
    else:
        assert done.returncode == 1
        assert complaint in done.stderr


def test_the_running_environment_is_the_locked_one() -> None:
    """What the tests pass with is what the locks install."""
    from importlib.metadata import PackageNotFoundError, version

    from packaging.requirements import Requirement

    wrong = []
    for line in [line for file in (*HASHED, "requirements-torch.lock") for line in logical_lines(file)]:
        requirement = Requirement(line.split("--hash")[0].strip())
        if requirement.marker and not requirement.marker.evaluate():
            continue
        try:
            installed = version(requirement.name).partition("+")[0]
        except PackageNotFoundError:
            installed = "nothing"
        if not requirement.specifier.contains(installed if installed != "nothing" else "0"):
            wrong.append(f"{requirement} is locked, {installed} is installed")
    assert wrong == []


def test_both_commands_and_the_licence_are_declared() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(project["scripts"]) == {"bakeoff", "bakeoff-desktop"}
    assert project["license"] == "Apache-2.0"
    assert project["requires-python"] == ">=3.11"


def copied(folder: Path) -> Path:
    """Copies of the locks and of pyproject.toml that may be spoilt."""
    shutil.copy(REPOSITORY / "pyproject.toml", folder)
    copies = folder / "packaging"
    copies.mkdir()
    for name in (*HASHED, "requirements-torch.lock", "lockfiles.py"):
        shutil.copy(FOLDER / name, copies)
    return copies


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, folder / "lockfiles.py"], capture_output=True, text=True, check=False, timeout=60
    )
