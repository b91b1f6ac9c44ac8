"""Renaming datasets, and removing them with all that belongs to them into the trash and back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.datasets.managing import remove_dataset, removed_datasets, rename_dataset, restore_dataset
from engine.errors import BakeoffError
from engine.judging.standings import judged_tasks, standings
from engine.models.managing import removed_models
from engine.workspace import Workspace
from tests.answered import fill, judge, prompts


@pytest.fixture
def filled(workspace: Workspace, tmp_path: Path) -> Workspace:
    fill(workspace, tmp_path)
    for place, prompt in enumerate(prompts(workspace)):
        for first, second in (("Good", "Bad"), ("Bad", "Good")):
            judge(workspace, prompt, first, second, "a" if (first == "Good") == (place % 5 != 0) else "b")
    return workspace


def test_it_goes_with_its_answers_and_verdicts_and_comes_back_with_them(filled: Workspace) -> None:
    before = standings(filled, ["things"], "lab:judge").ranking
    removed = remove_dataset(filled, "things")
    assert (removed.answers, removed.verdicts) == (3, 24)
    assert removed.bytes > 0
    (listed,) = removed_datasets(filled)
    assert (listed.name, listed.answers, listed.verdicts) == ("things", 3, 24)
    assert removed_models(filled) == []
    assert judged_tasks(filled) == []
    assert not list(filled.datasets.iterdir())
    assert not list(filled.outputs.iterdir())
    restore_dataset(filled, listed)
    assert standings(filled, ["things"], "lab:judge").ranking == before
    assert not removed.folder.exists()


def test_what_cannot_be_brought_back_is_told(filled: Workspace, tmp_path: Path) -> None:
    removed = remove_dataset(filled, "things")
    shutil.rmtree(removed.folder)
    with pytest.raises(BakeoffError, match="no longer in the trash"):
        restore_dataset(filled, removed)


def test_a_name_that_is_taken_or_none_is_refused(filled: Workspace) -> None:
    rename_dataset(filled, "things", "stuff")
    with pytest.raises(BakeoffError, match="no dataset named 'things'"):
        rename_dataset(filled, "things", "more")
    with pytest.raises(BakeoffError):
        rename_dataset(filled, "stuff", "a/b")
