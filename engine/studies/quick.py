"""Quick recipes: from a few files and a recipe's name to a whole study, with the bases that there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from engine.datasets.glance import Glance, glance
from engine.datasets.library import open_dataset
from engine.datasets.messages import asked_text
from engine.datasets.options import ImportOptions
from engine.datasets.spec import ImportSpec, SourceSpec
from engine.files import sha256_file
from engine.models.families import Family, family_of
from engine.models.inspect import ModelInfo
from engine.resources import resource
from engine.studies.errors import StudyError
from engine.studies.preparing import empty_splits
from engine.studies.reading import check_study
from engine.studies.spec import StudySpec
from engine.workspace import Workspace
from engine.workspace.naming import free_name, slug
from engine.workspace.tables import Dataset, Model
from engine.workspace.tables import Study as StudyRow

#: Characters per token of ordinary text, and tokens that a template adds.
_CHARACTERS: Final = 4.0
_TEMPLATE: Final = 12
#: A study of more bases than that is not quick.
_MOST_BASES: Final = 7
_SHARES: Final = (0.2, 0.1)


class QuickRecipe(BaseModel):
    """A complete plan without data.

    Attributes:
        bases: The newest ``one``, ``all``, or all of the ``same`` architecture and size, which can be merged.
        variants: Where there are fewer bases, light siblings of the first make up for it.
        references: ``untuned`` and ``fewshot``, of the first base.
        limits: At most so many examples of each split.
    """

    model_config = ConfigDict(extra="forbid")

    key: str
    title: str
    about: str
    icon: str
    bases: Literal["one", "all", "same"]
    variants: int = 0
    references: list[str] = []
    limits: dict[str, int] = {}
    merging: dict[str, Any] | None = None


@dataclass(frozen=True)
class Stored:
    """A dataset of the workspace, as it is told of where examples are brought.

    Attributes:
        count: Its examples.
        question: Of the first one, ``answer`` its answer.
    """

    count: int
    question: str
    answer: str


@dataclass(frozen=True)
class Examples:
    """Files that become one dataset, or one that is there.

    Attributes:
        name: Of the dataset.
        files: What a look at each has shown; none for a dataset that is there.
        mapping: Role -> column, where it is known.
        system: Instruction for rows without one.
        metric: Of the reference judge, where it is known.
    """

    name: str
    files: tuple[Glance, ...]
    mapping: dict[str, str] = field(default_factory=dict, hash=False)
    system: str | None = None
    metric: str | None = None
    stored: Stored | None = None

    @property
    def count(self) -> int:
        """Rows of all files, or examples of the dataset."""
        return self.stored.count if self.stored is not None else sum(file.rows for file in self.files)

    @property
    def more(self) -> bool:
        """Whether there may be more than that."""
        return any(file.more for file in self.files)

    @property
    def left_out(self) -> tuple[int, int, str]:
        """How many of the first rows are no examples, of how many, and why the first of them is none."""
        reason = next((file.reason for file in self.files if file.left_out), "")
        return sum(file.left_out for file in self.files), sum(file.looked_at for file in self.files), reason

    @property
    def first(self) -> tuple[str, str]:
        """A question, and its answer."""
        if self.stored is not None:
            return self.stored.question, self.stored.answer
        return self.files[0].question, self.files[0].answer


@dataclass(frozen=True)
class Extras:
    """What is wanted of a quick study beyond its recipe.

    Attributes:
        references: Who is ranked beside the bases, for example ``openai:gpt-4o``.
        judge: As in a study's file.
        budget_usd: The most that all calls may cost; None: nothing that costs money is asked.
    """

    references: tuple[str, ...] = ()
    judge: str = "reference"
    budget_usd: float | None = None


#: A study as its recipe has it.
NO_EXTRAS: Final = Extras()


def quick_recipes() -> list[QuickRecipe]:
    """The recipes there are, the quickest first."""
    return [QuickRecipe.model_validate(recipe) for recipe in _settings()["recipes"]]


def examples_of(
    workspace: Workspace, files: Sequence[Path], mapping: Mapping[str, str] | None = None
) -> Examples:
    """Look at files that are to become one dataset.

    Args:
        workspace: Where it is to be.
        files: What it is made of.
        mapping: Role -> column, where the files do not say that themselves.

    Raises:
        DatasetError: One of them cannot be imported.
    """
    options = ImportOptions(mapping=dict(mapping or {}))
    seen = tuple(glance(file.expanduser().absolute(), options) for file in files)
    name = slug(seen[0].path.name.removesuffix(".gz").rpartition(".")[0] or seen[0].path.name)
    return Examples(_name(workspace, name, seen), seen, dict(mapping or {}))


def stored_examples(workspace: Workspace, name: str) -> Examples:
    """Those of a dataset that is in the workspace.

    Raises:
        NameUnknownError: There is none of this name.
        SealedError: Nobody may look at it before a validation does.
    """
    dataset = open_dataset(workspace, name, "preview")
    first = dataset.store.page(limit=1)[0]
    question = asked_text([message.as_dict() for message in first.prompt])
    return Examples(name, (), stored=Stored(len(dataset.store), question, first.answer_text))


def usable_datasets(workspace: Workspace) -> tuple[str, ...]:
    """Names of the datasets that a study can be started with: neither sealed nor without a test; newest first."""
    with workspace.catalogue.reading() as rows:
        found = rows.scalars(select(Dataset).order_by(Dataset.created_at.desc(), Dataset.name)).all()
        return tuple(
            row.name
            for row in found
            if (not row.sealed or row.opened_at is not None)
            and not empty_splits(row.manifest["counts"], merging=False)
        )


def sample_titles() -> list[tuple[str, str]]:
    """Name and title of each sample that ships with Bakeoff."""
    return [(name, str(_task(name)["title"])) for name in _settings()["samples"]]


def sample_examples(name: str) -> Examples:
    """A sample that ships with Bakeoff."""
    task = _task(name)
    options = ImportOptions(mapping=task["map"], system=task["system"])
    seen = glance(resource("tasks", name, str(task["file"])), options)
    return Examples(name, (seen,), dict(task["map"]), task["system"], task["metric"])


def sample_import(workspace: Workspace) -> ImportSpec | None:
    """The import of the first sample that the workspace does not have; None where it has all."""
    with workspace.catalogue.reading() as session:
        there = set(session.scalars(select(Dataset.name)))
    name = next((name for name, _ in sample_titles() if name not in there), None)
    if name is None:
        return None
    task = _task(name)
    file = resource("tasks", name, str(task["file"]))
    return ImportSpec(
        sources=[SourceSpec(path=str(file))], name=name, mapping=dict(task["map"]), system=task["system"]
    )


def quick_study(
    workspace: Workspace, recipe: QuickRecipe, examples: Examples, extras: Extras = NO_EXTRAS
) -> StudySpec:
    """The study that a recipe makes of some examples.

    Raises:
        StudyError: It contradicts itself, for example because there are too few examples for it.
    """
    bases, small = _bases(workspace, recipe)
    settings = _settings()["small_models"] if small else {"training": {}, "batch_size": None}
    first = bases[0]["name"]
    values: dict[str, Any] = {
        "name": _study_name(workspace, f"{examples.name} {recipe.key}"[:52]),
        "about": recipe.about,
        "bases": bases,
        "tasks": [_task_of(recipe, examples)],
        "references": list(
            dict.fromkeys([*(f"{kind}:{first}" for kind in recipe.references), *extras.references])
        ),
        "judging": {"judge": extras.judge},
        "budget_usd": extras.budget_usd,
        "training": settings["training"],
        "batch_size": settings["batch_size"],
        "merging": recipe.merging,
    }
    if examples.count < 10:
        raise StudyError(
            "study.few_examples",
            "'{name}' has only {count} examples, of which some must be held out for the test.",
            fix="Bring at least 10; from about 200 on the result begins to mean something.",
            name=examples.name,
            count=examples.count,
        )
    folder = examples.files[0].path.parent if examples.files else workspace.root
    return StudySpec(study=check_study(values), folder=str(folder))


def _task_of(recipe: QuickRecipe, examples: Examples) -> dict[str, Any]:
    if examples.stored is not None:
        return {"dataset": examples.name, "limits": recipe.limits}
    count = max(examples.count, 1)
    splits = {file.split for file in examples.files}
    test_share = 0.0 if "test" in splits else _SHARES[0]
    dev_share = 0.0 if "dev" in splits else _SHARES[1]
    given = {
        split: sum(file.rows for file in examples.files if file.split == split) for split in ("dev", "test")
    }
    rest = count - sum(given.values())
    test, dev = given["test"] or round(rest * test_share), given["dev"] or round(rest * dev_share)
    prompt = sum(file.prompt_characters * file.rows for file in examples.files) / count
    answer = sum(file.answer_characters * file.rows for file in examples.files) / count
    return {
        "dataset": examples.name,
        "metric": examples.metric,
        "limits": recipe.limits,
        "source": {
            "files": [{"path": str(file.path), "split": file.split} for file in examples.files],
            "map": examples.mapping,
            "system": examples.system,
            "test_share": test_share,
            "dev_share": dev_share,
        },
        "expected": {
            "train": max(1, count - test - dev),
            "dev": max(1, dev),
            "test": max(1, test),
            "prompt_tokens": round(prompt / _CHARACTERS) + _TEMPLATE,
            "answer_tokens": round(answer / _CHARACTERS) + 2,
        },
    }


def _bases(workspace: Workspace, recipe: QuickRecipe) -> tuple[list[dict[str, Any]], bool]:
    """The bases of a study, and whether they are small."""
    settings = _settings()
    with workspace.catalogue.reading() as rows:
        found = rows.scalars(select(Model).where(Model.kind == "base").order_by(Model.created_at)).all()
        known = [(row.name, ModelInfo.model_validate(row.info)) for row in found]
    if not known:
        bases, parameters = [dict(settings["demo"])], 0.0
    elif recipe.bases == "one":
        bases, parameters = [{"name": known[-1][0]}], float(known[-1][1].parameters)
    else:
        if recipe.bases == "same":
            known = _largest_family(known)
        bases = [{"name": name} for name, _ in known[:_MOST_BASES]]
        parameters = float(max(info.parameters for _, info in known))
    first = bases[0]["name"]
    for sibling in settings["siblings"][: max(0, recipe.variants - len(bases))]:
        task = _task(sibling["task"])
        bases.append(
            {
                "name": f"{first.removesuffix('-135m')}-{sibling['suffix']}"[:60],
                "sibling": {
                    "base": first,
                    "dataset": sibling["task"],
                    "training": settings["sibling_training"],
                    "source": {
                        "files": [
                            {
                                "path": str(resource("tasks", sibling["task"], str(task["file"]))),
                                "split": "train",
                            }
                        ],
                        "map": task["map"],
                        "system": task["system"],
                    },
                },
            }
        )
    return bases, parameters < settings["small_models"]["below"]


def _largest_family(known: list[tuple[str, ModelInfo]]) -> list[tuple[str, ModelInfo]]:
    """Those of one architecture and size, of which there are most."""
    families: dict[Family, list[tuple[str, ModelInfo]]] = {}
    for name, info in known:
        families.setdefault(family_of(info.model_dump()), []).append((name, info))
    return max(families.values(), key=len)


def _name(workspace: Workspace, name: str, files: Sequence[Glance]) -> str:
    """That of the dataset that was made of these very files, else one that is free."""
    with workspace.catalogue.reading() as rows:
        row = rows.scalar(select(Dataset).where(Dataset.name == name))
        if row is None:
            return name
        hashes = [source["sha256"] for source in row.manifest["sources"]]
        if not row.sealed and hashes == [sha256_file(file.path) for file in files]:
            return name
        return free_name(rows, Dataset, name)


def _study_name(workspace: Workspace, name: str) -> str:
    with workspace.catalogue.reading() as rows:
        taken = set(rows.scalars(select(StudyRow.name)))
    number, found = 2, name
    while found in taken:
        found, number = f"{name} {number}", number + 1
    return found


@cache
def _settings() -> dict[str, Any]:
    settings: dict[str, Any] = yaml.safe_load(resource("studies", "recipes.yml").read_text(encoding="utf-8"))
    return settings


@cache
def _task(name: str) -> dict[str, Any]:
    task: dict[str, Any] = yaml.safe_load(resource("tasks", name, "task.yml").read_text(encoding="utf-8"))
    return task
