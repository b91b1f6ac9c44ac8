"""What unfinished jobs read: models and datasets, by the names in their specs.

A job finds its inputs by name when it comes to them, perhaps hours after it was asked for. What such a job names, or
what a step of an unfinished study has made for later steps, is neither removed nor renamed meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from engine.errors import BakeoffError
from engine.jobs.directory import JobDirectory, JobError, Request, all_jobs
from engine.workspace import Workspace

#: What may be read.
What = Literal["model", "dataset"]

#: States in which a job still comes to what it names. One that failed or was stopped is given up until somebody asks
#: for it again, and then says itself what it misses.
_UNFINISHED: Final = frozenset({"queued", "running", "paused"})
#: What may stand before a model's name.
_PREFIXES: Final = ("untuned:", "fewshot:", "local:")
#: Keys of a merge recipe that name models.
_RECIPE_KEYS: Final = frozenset(
    {"model", "base_model", "path", "adapter", "lora", "tokenizer_source", "source"}
)
#: Words that stand in these places and name no model.
_RECIPE_WORDS: Final = frozenset({"base", "union"})


@dataclass(frozen=True)
class Reads:
    """Where a kind's spec names what it reads: dotted paths, ``*`` for each item of a list.

    Attributes:
        recipe: The path of a merge recipe.
    """

    models: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    recipe: str = ""


#: For each of `engine.jobs.kinds.KINDS`.
READS: Final[Mapping[str, Reads]] = {
    "dataset_import": Reads(),
    "model_add": Reads(),
    "train": Reads(models=("base",), datasets=("dataset",)),
    "merge": Reads(recipe="recipe"),
    "export": Reads(models=("model", "others.*"), datasets=("dataset",)),
    "drift": Reads(models=("model",), datasets=("dataset",)),
    "generate": Reads(models=("models.*",), datasets=("dataset",)),
    "judge": Reads(models=("contestants.*", "judge"), datasets=("dataset",)),
    "study": Reads(
        models=("study.bases.*.name", "study.references.*", "study.judging.judge"),
        datasets=("study.tasks.*.dataset", "study.bases.*.sibling.dataset"),
    ),
    "merged_export": Reads(datasets=("dataset",), recipe="recipe"),
    "release": Reads(models=("model", "judge"), datasets=("dataset",)),
    "push": Reads(),
}


class InUseError(BakeoffError):
    """Something cannot be removed or renamed, as a job that is not over reads it."""

    title = "It is still needed"


def require_unread(
    workspace: Workspace, what: What, name: str, *, made_by: str, act: Literal["remove", "rename"]
) -> None:
    """Refuse to take away, or to call otherwise, what an unfinished job or study reads.

    Args:
        workspace: Of all of them.
        what: Whether ``name`` is that of a model or of a dataset.
        name: That it has now.
        made_by: The job that made it: what a study's step has made is read by the next one.
        act: What is about to be done.

    Raises:
        InUseError: Names the job.
    """
    readers = unfinished_readers(workspace, what, name, made_by)
    if not readers:
        return
    texts = {
        "remove": "'{name}' cannot be removed: {count} unfinished job(s) read it, first of all '{job}'.",
        "rename": "'{name}' cannot be renamed: {count} unfinished job(s) read it, first of all '{job}'.",
    }
    raise InUseError(
        f"{what}.read_by_job",
        texts[act],
        fix="Let it come to its end, or stop it, first; both are done under Jobs.",
        name=name,
        count=len(readers),
        job=readers[0].title,
    )


def unfinished_readers(workspace: Workspace, what: What, name: str, made_by: str) -> list[Request]:
    """Jobs that wait, run or are paused and read something (see `require_unread`), the oldest first."""
    study = _study_of(workspace, made_by)
    found = []
    for job in all_jobs(workspace.jobs):
        request = job.request()
        if job.status().state in _UNFINISHED and (
            name in names_read(request.kind, request.spec, what)
            or (study is not None and request.kind == "study" and request.study == study)
        ):
            found.append(request)
    return found


def names_read(kind: str, spec: dict[str, Any], what: What) -> set[str]:
    """The names of models or datasets in a job's spec.

    What is no name of the workspace, such as a folder or an endpoint's model, is among them: it names nothing there.
    """
    reads = READS[kind]
    if what == "dataset":
        return {text for path in reads.datasets for text in _at(spec, path.split("."))}
    found = {text for path in reads.models for text in _at(spec, path.split("."))}
    if reads.recipe:
        found |= set(_in_recipe(_parsed(spec.get(reads.recipe))))
    return {name for text in found for name in _names(text)}


def _at(value: Any, path: list[str]) -> Iterator[str]:
    """The texts at a path."""
    if not path:
        if isinstance(value, str):
            yield value
    elif path[0] == "*":
        for item in value if isinstance(value, list) else ():
            yield from _at(item, path[1:])
    elif isinstance(value, dict):
        yield from _at(value.get(path[0]), path[1:])


def _parsed(recipe: Any) -> Any:
    if not isinstance(recipe, str):
        return recipe
    import yaml

    try:
        return yaml.safe_load(recipe)
    except yaml.YAMLError:
        return None  # the job itself will say so


def _in_recipe(value: Any) -> Iterator[str]:
    """What a recipe names, at any depth: base and adapter apart."""
    if isinstance(value, list):
        for item in value:
            yield from _in_recipe(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in _RECIPE_KEYS and isinstance(item, str | int) and item not in _RECIPE_WORDS:
                yield from (part.strip() for part in str(item).split("+"))
            else:
                yield from _in_recipe(item)


def _names(text: str) -> Iterator[str]:
    """The model that a contestant's or a judge's words name, with and without what may stand around its name."""
    for prefix in _PREFIXES:
        text = text.removeprefix(prefix)
    yield text
    model, quantised, _ = text.rpartition("@")
    if quantised:
        yield model


def _study_of(workspace: Workspace, job_id: str) -> str | None:
    try:
        request = JobDirectory(workspace.jobs / job_id).request()
    except (JobError, OSError):
        return None  # long removed
    return request.study if request.kind != "study" else None
