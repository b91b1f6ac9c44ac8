"""Reading ``study.yml``; every mistake in it is named before anything starts."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from engine.merging import preset_names
from engine.studies.errors import StudyError
from engine.studies.spec import Study, StudySpec


def load_study(file: Path) -> StudySpec:
    """Read and check a study's file.

    Raises:
        StudyError: It is missing, not YAML, or contradicts itself.
    """
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StudyError(
            "study.missing", "There is no study file {file}.", fix="Check the path.", file=str(file)
        ) from error
    except (IsADirectoryError, PermissionError, UnicodeDecodeError, yaml.YAMLError) as error:
        place = getattr(error, "problem_mark", None)
        raise StudyError(
            "study.unreadable",
            "The study file {file} is not valid YAML{where}.",
            fix="Check the file; examples are in resources/studies.",
            file=str(file),
            where=f" (line {place.line + 1})" if place else "",
        ) from error
    if not isinstance(values, dict):
        raise StudyError("study.unreadable", "The study file {file} holds no settings.", file=str(file))
    return StudySpec(study=check_study(values, str(file)), folder=str(file.resolve().parent))


def check_study(values: dict[str, Any], file: str | None = None) -> Study:
    """Validate the content of a study's file."""
    try:
        study = Study.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        close = _nearest(str(first["loc"][-1])) if first["type"] == "extra_forbidden" else ""
        raise StudyError(
            "study.bad_setting",
            "The study has a wrong setting at '{place}': {reason}.",
            fix=f"Did you mean '{close}'?" if close else "See docs/guide/studies.md for all settings.",
            place=place,
            reason="it is not known" if close or first["type"] == "extra_forbidden" else first["msg"],
            file=file,
        ) from error
    for problem in _contradictions(study):
        raise StudyError("study.contradiction", "{problem}", problem=problem, file=file)
    return study


def _contradictions(study: Study) -> list[str]:
    """What the types cannot tell."""
    found: list[str] = []
    names = [base.name for base in study.bases]
    datasets = [task.dataset for task in study.tasks]
    found += [f"The base '{name}' is named twice." for name in names if names.count(name) > 1]
    found += [f"The task '{name}' is named twice." for name in datasets if datasets.count(name) > 1]
    if not study.open_tasks():
        found.append("The study has no task that is not sealed.")
    if sum(task.sealed for task in study.tasks) > 1:
        found.append("The study has more than one sealed task.")
    for position, base in enumerate(study.bases):
        if base.sibling and base.sibling.base not in names[:position]:
            found.append(
                f"The sibling '{base.name}' is made from '{base.sibling.base}', which does not come before it."
            )
    if study.merging:
        if len(study.bases) < study.merging.parents:
            found.append(f"Merging {study.merging.parents} parents needs at least as many bases.")
        found += [
            f"There is no merge preset '{recipe}' (there are {', '.join(preset_names())})."
            for recipe in study.merging.recipes
            if isinstance(recipe, str) and recipe not in preset_names()
        ]
    for settings in (study.training, *(task.training for task in study.tasks)):
        try:
            study.recipe(None, seed=0, own=settings)
        except ValidationError as error:
            first = error.errors()[0]
            found.append(f"The training setting '{first['loc'][0]}' is wrong: {first['msg']}.")
    return found


def _nearest(word: str) -> str:
    from engine.studies import spec

    known = {
        name
        for part in (
            spec.Study,
            spec.Task,
            spec.Base,
            spec.Sibling,
            spec.Judging,
            spec.Merging,
            spec.DataSource,
        )
        for name in part.model_fields
    }
    return next(iter(difflib.get_close_matches(word, sorted(known), n=1)), "")
