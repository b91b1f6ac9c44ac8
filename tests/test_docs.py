"""What the guide shows is understood: commands parse, recipes and studies are valid, links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from engine.cli.main import _parser
from engine.merging import parse_recipe
from engine.studies.reading import check_study

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = sorted((REPOSITORY / "docs" / "guide").glob("*.md"))


def commands(page: Path) -> list[str]:
    return re.findall(r"^    (bakeoff [^\n]+)$", page.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_are_understood(page: Path) -> None:
    for command in commands(page):
        assert hasattr(_parser().parse_args(shlex.split(command, comments=True)[1:]), "run"), command


def test_there_are_commands() -> None:
    assert sum(len(commands(page)) for page in PAGES) > 20


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def blocks(page: str) -> list[dict[str, object]]:
    text = (REPOSITORY / "docs" / "guide" / page).read_text(encoding="utf-8")
    return [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]


def test_the_studies_and_recipes_of_the_guide_are_valid() -> None:
    assert [check_study(block).name for block in blocks("studies.md")] == ["my-study"]
    assert [parse_recipe(block).merge_method for block in blocks("merging.md")] == ["slerp"]
