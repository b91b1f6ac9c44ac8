"""Training recipes in files are read as they are written, and what is wrong in them is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import BakeoffError
from engine.training.recipe_file import read_recipe, write_recipe
from engine.training.spec import TrainRecipe


@pytest.mark.parametrize("setting", ["epochs=[1", "epochs=true", "lora_layers=yes", "epochs=1.5", "epoch=1"])
def test_a_wrong_setting_is_named(setting: str) -> None:
    key, _, value = setting.partition("=")
    with pytest.raises(BakeoffError) as caught:
        read_recipe(None, {key: value})
    assert caught.value.code == "recipe.bad_setting"
    assert f"'{key}'" in caught.value.message


def test_a_recipe_may_say_true_only_where_it_means_that() -> None:
    assert read_recipe(None, {"gradient_checkpointing": "true"}).gradient_checkpointing


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    recipe = TrainRecipe(method="lora", epochs=5, learning_rate=3e-5, lora_rank=7, limit=40)
    write_recipe(recipe, tmp_path / "größe 1.yml")
    assert read_recipe(tmp_path / "größe 1.yml", {}) == recipe
    assert read_recipe(tmp_path / "größe 1.yml", {"epochs": "2"}) == recipe.model_copy(update={"epochs": 2})
    write_recipe(TrainRecipe(), tmp_path / "usual.yml")
    assert read_recipe(tmp_path / "usual.yml", {}) == TrainRecipe()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"epochs: [", "recipe.unreadable"),
        (b"- epochs", "recipe.unreadable"),
        (b"\xff\xfe\xfa", "recipe.unreadable"),
        (b"[" * 100_000, "recipe.unreadable"),
        (b"epoch: 3", "recipe.bad_setting"),
        (b"epochs: many", "recipe.bad_setting"),
        (b"1: 2", "recipe.bad_setting"),
        (None, "recipe.no_file"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused_with_the_reason(
    tmp_path: Path, content: bytes | None, code: str
) -> None:
    file = tmp_path / "recipe.yml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BakeoffError) as caught:
        read_recipe(file, {})
    assert caught.value.code == code
    assert code == "recipe.bad_setting" or str(file) in caught.value.message


def test_an_empty_file_means_the_usual_settings(tmp_path: Path) -> None:
    (tmp_path / "empty.yml").write_text("# nothing yet\n", encoding="utf-8")
    assert read_recipe(tmp_path / "empty.yml", {}) == TrainRecipe()


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "recipe.yml").mkdir()
    with pytest.raises(BakeoffError) as caught:
        write_recipe(TrainRecipe(), tmp_path / "recipe.yml")
    assert caught.value.code == "file.not_written"
