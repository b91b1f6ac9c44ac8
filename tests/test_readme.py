"""The README's commands exist: every line of its shell blocks is understood by the real parsers."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from engine.cli import main as command_line
from engine.errors import UsageError

REPOSITORY = Path(__file__).resolve().parent.parent
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def commands(name: str) -> list[list[str]]:
    """The lines of the README's code that call ``name``, as words."""
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    lines += [line.strip() for line in README.splitlines() if line.startswith("    ")]
    return [shlex.split(line, comments=True) for line in lines if line.startswith(f"{name} ")]


@pytest.mark.parametrize("words", commands("bakeoff"), ids=" ".join)
def test_a_command_is_understood(words: list[str]) -> None:
    options = command_line._parser().parse_args(words[1:])
    assert callable(options.run)


def test_a_command_that_does_not_exist_would_be_noticed() -> None:
    assert len(commands("bakeoff")) >= 9
    with pytest.raises(UsageError):
        command_line._parser().parse_args(["dataset", "import", "file", "--nonsense"])


@pytest.mark.parametrize("words", commands("make"), ids=" ".join)
def test_a_make_line_has_a_target(words: list[str]) -> None:
    done = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", *words[1:]],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def test_both_commands_stand_first() -> None:
    code = [line.split("#")[0].strip() for line in README.splitlines() if line.startswith("    ")]
    assert code[:2] == ["make demo", "make test"]


def test_files_that_documentation_links_to_exist() -> None:
    for page in [
        REPOSITORY / "README.md",
        REPOSITORY / "CONTRIBUTING.md",
        *(REPOSITORY / "docs").rglob("*.md"),
    ]:
        links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
        missing = [link for link in links if not (page.parent / link).exists()]
        assert missing == [], page
