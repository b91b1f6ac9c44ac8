"""A name stands for one model: where two could be meant, neither is taken silently."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.errors import BakeoffError
from engine.merging import MergeError
from engine.merging.recipe import ModelRef
from engine.merging.references import Locator
from tests.tiny import tiny_model


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder that holds a model called ``base``."""
    tiny_model(tmp_path / "here" / "base")
    return tmp_path / "here"


def test_a_name_of_a_folder_and_of_another_model_is_refused(here: Path, tmp_path: Path) -> None:
    other = tiny_model(tmp_path / "other", seed=1)
    locator = Locator(lambda name: other if name == "base" else None, working_folder=here)
    with pytest.raises(MergeError, match="also a model of the workspace") as caught:
        locator.locate(ModelRef(path="base"))
    assert str(other) in caught.value.message
    assert "'./base'" in caught.value.fix
    assert locator.locate(ModelRef(path="./base")).folder == here / "base"
    assert locator.locate(ModelRef(path=str(other))).folder == other


def test_a_copy_of_a_model_is_that_model(here: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(here / "base", tmp_path / "copy")
    assert Locator(lambda _: copy, working_folder=here).locate(ModelRef(path="base")).folder == copy
    same = Locator(lambda _: here / "base", working_folder=here).locate(ModelRef(path="base"))
    assert same.folder == here / "base"


def test_a_model_whose_files_are_gone_does_not_hide_a_folder(here: Path) -> None:
    def gone(name: str) -> Path:
        raise BakeoffError("model.folder_gone", "gone")

    locator = Locator(gone, working_folder=here)
    assert locator.locate(ModelRef(path="base")).folder == here / "base"
    with pytest.raises(BakeoffError, match="gone"):
        locator.locate(ModelRef(path="nothing"))


@pytest.mark.parametrize("name", ["a" * 5000, "~nobody-of-this-name/model"])
def test_a_name_that_cannot_be_a_path_is_an_unknown_model(name: str) -> None:
    with pytest.raises(MergeError, match="There is no model") as caught:
        Locator().locate(ModelRef(path=name))
    assert len(caught.value.message) < 200
