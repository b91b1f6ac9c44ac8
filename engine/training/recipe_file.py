"""Training recipes as YAML files: the settings of `TrainRecipe` by their names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from engine.errors import BakeoffError, reason_of
from engine.files import write_text
from engine.refusals import why_refused
from engine.training.spec import TrainRecipe


def read_recipe(file: Path | None, changes: Mapping[str, str]) -> TrainRecipe:
    """The recipe in a file with changes over it.

    Args:
        file: A YAML file; None: the defaults.
        changes: Setting -> its value as YAML.

    Raises:
        BakeoffError: The file cannot be read, or a setting or value is wrong.
    """
    values = {} if file is None else _settings(file)
    for key, value in changes.items():
        try:
            values[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise _wrong(file, key, f"{value} is no value") from error
    try:
        return TrainRecipe.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise _wrong(file, str(first["loc"][0]) if first["loc"] else "", why_refused(first)) from error


def write_recipe(recipe: TrainRecipe, file: Path) -> None:
    """Write all settings of a recipe but those that are chosen from the data.

    Raises:
        FileError: The file cannot be written.
    """
    write_text(file, yaml.safe_dump(recipe.model_dump(mode="json", exclude_none=True), sort_keys=False))


def _settings(file: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BakeoffError(
            "recipe.no_file",
            "The recipe {file} cannot be read: {reason}.",
            fix="Check the path.",
            file=str(file),
            reason=reason_of(error),
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BakeoffError(
            "recipe.unreadable",
            "The recipe {file} is not valid YAML.",
            fix="Check its indentation.",
            file=str(file),
        ) from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise BakeoffError(
            "recipe.unreadable", "The recipe {file} is not a list of settings.", file=str(file)
        )
    return {str(key): value for key, value in values.items()}


def _wrong(file: Path | None, key: str, reason: str) -> BakeoffError:
    return BakeoffError(
        "recipe.bad_setting",
        "The training recipe has a wrong setting '{key}': {reason}.",
        fix="Settings are: {known}.",
        key=key,
        reason=reason,
        known=", ".join(TrainRecipe.model_fields),
        file=None if file is None else str(file),
    )
