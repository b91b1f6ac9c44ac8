"""Reading ``study.yml``; every mistake in it is named before anything starts."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from engine.errors import BakeoffError, Words, reason_of
from engine.inference.constraints import constraint_of
from engine.judging.pairs import Goal
from engine.merging import parse_recipe, preset_names
from engine.merging.method_table import METHODS
from engine.refusals import place_of, why_refused
from engine.studies.errors import StudyError
from engine.studies.recipes import fill_recipe
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
    except OSError as error:
        raise StudyError(
            "study.no_file",
            "{file} is a folder, and a study is a YAML file."
            if file.is_dir()
            else "The study file {file} cannot be read: {reason}.",
            fix="Check the path and its permissions.",
            file=str(file),
            reason=reason_of(error),
        ) from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        place = getattr(error, "problem_mark", None)
        raise StudyError(
            "study.unreadable",
            "The study file {file} is not valid YAML{where}.",
            fix="Check the file; examples are in resources/studies.",
            file=str(file),
            where=Words(" (line {line})", line=place.line + 1) if place else "",
        ) from error
    if not isinstance(values, dict):
        raise StudyError(
            "study.unreadable",
            "The study file {file} holds no settings.",
            fix="Check the file; examples are in resources/studies.",
            file=str(file),
        )
    study, folder = check_study(values, str(file)), file.resolve().parent
    for task in study.tasks:
        constraint_of(task.constrain, folder)  # what cannot be read is told before anything is trained
    return StudySpec(study=study, folder=str(folder))


def check_study(values: dict[str, Any], file: str | None = None) -> Study:
    """Validate the content of a study's file."""
    try:
        study = Study.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        close = _nearest(str(first["loc"][-1])) if first["type"] == "extra_forbidden" else ""
        raise StudyError(
            "study.bad_setting",
            "The study has a wrong setting at '{place}': {reason}.",
            fix="Did you mean '{close}'?" if close else "See docs/guide/studies.md for all settings.",
            close=close,
            place=place_of(first),
            reason=why_refused(first),
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
    found += _merging_problems(study)
    found += _judging_problems(study)
    found += _answering_problems(study)
    settings = [study.training, *(task.training for task in study.tasks)]
    settings += [base.sibling.training for base in study.bases if base.sibling]
    for own in settings:
        try:
            study.recipe(None, seed=0, own=own)
        except ValidationError as error:
            first = error.errors()[0]
            found.append(f"The training setting '{first['loc'][0]}' is wrong: {why_refused(first)}.")
    return found


def _merging_problems(study: Study) -> list[str]:
    if study.merging is None:
        return []
    found = []
    if len(study.bases) < study.merging.parents:
        found.append(f"Merging {study.merging.parents} parents needs at least as many bases.")
    names = [f"parent{number}" for number in range(1, study.merging.parents + 1)]
    for recipe in study.merging.recipes:
        if isinstance(recipe, str) and recipe not in preset_names():
            found.append(f"There is no merge preset '{recipe}' (there are {', '.join(preset_names())}).")
            continue
        filled = fill_recipe(recipe, names, "base")
        unknown = sorted(set(re.findall(r"\$\w+", str(filled))))
        if unknown:
            found.append(f"The merge recipe names {', '.join(unknown)}, which stands for no model.")
        try:
            parse_recipe(filled)
        except BakeoffError as error:
            found.append(f"A merge recipe is wrong: {error.message}")
            continue
        found += _count_problems(recipe, names)
    return found


def _count_problems(recipe: str | dict[str, Any], parents: list[str]) -> list[str]:
    """Whether a recipe's method takes as many models as there will be; the plain base can be a parent too."""
    for names, besides in (
        (parents, ""),
        (["base", *parents[1:]], ", and the plain base may be one of them"),
    ):
        filled = parse_recipe(fill_recipe(recipe, names, "base"))
        method = METHODS[filled.merge_method]
        own_place = method.base in ("required", "optional")
        models = {str(entry.model) for entry in filled.models or ()}
        if own_place:
            models.discard(str(filled.base_model))
        wanted = f"exactly {method.least}" if method.least == method.most else f"at least {method.least}"
        fits = method.least <= len(models) <= (method.most or len(models))
        if filled.slices is None and not fits:
            return [
                f"The merge method {method.name} takes {wanted} model(s){' besides its base' * own_place}, "
                f"and here are {len(parents)} parents{besides}."
            ]
    return []


def _judging_problems(study: Study) -> list[str]:
    found = []
    judge = study.judging.judge
    if judge != "reference" and not (judge.startswith("local:") and judge != "local:") and not _named(judge):
        found.append(f"'{judge}' is no judge: write reference, ENDPOINT:MODEL or local:MODEL.")
    for name in study.references:
        if name == "dataset":
            if judge == "reference":
                found.append(
                    "Under the reference judge the dataset's answers are the yardstick, not a reference."
                )
        elif name.startswith("local:") or not _named(name):
            found.append(
                f"'{name}' is no reference: write untuned:BASE, fewshot:BASE, dataset or ENDPOINT:MODEL."
            )
    try:
        goal = Goal.parse(study.judging.goal)
    except BakeoffError as error:
        return [*found, error.message]
    entrants = [*(base.name for base in study.bases), *study.references]
    if goal.reference is not None and goal.reference not in entrants:
        found.append(f"The goal '{study.judging.goal}' names nobody of the study ({', '.join(entrants)}).")
    return found


def _answering_problems(study: Study) -> list[str]:
    from engine.exporting.quantisations import quantisation

    try:
        if study.quantisation is not None:
            quantisation(study.quantisation)
    except BakeoffError as error:
        return [f"{error.message} {error.fix}"]
    if study.quantisation is None and any(task.constrain for task in study.tasks):
        return [
            "Answers are held to a form in GGUF files only: give the study a quantisation, or constrain no task."
        ]
    return []


def _named(name: str) -> bool:
    """Whether a name has two parts around its first colon."""
    endpoint, _, model = name.partition(":")
    return bool(endpoint.strip() and model.strip())


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
