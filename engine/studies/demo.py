"""The studies behind ``bakeoff demo``: on the sample tasks that ship with Bakeoff, or on public files."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import yaml
from sqlalchemy import select

from engine.resources import resource
from engine.studies.errors import StudyError
from engine.studies.paid import is_endpoint
from engine.studies.reading import check_study
from engine.studies.spec import StudySpec
from engine.workspace import Workspace
from engine.workspace.naming import slug
from engine.workspace.tables import Study

#: References that a judge behind OpenAI's endpoint brings along, as in the seed story.
_GPT_REFERENCES: Final = ("gpt-4", "gpt-4-turbo", "gpt-3.5-turbo")
_SNIPS_KINDS: Final = ("AddToPlaylist", "BookRestaurant")
_FULL_PROMPTS: Final = 300
_PUBLIC_ABOUT: Final = "The seed story at small scale, on public task data as published."
#: What has to be in a folder of public data.
_PUBLIC_FILES: Final = (
    *(f"banking77/{name}" for name in ("categories.json", "train.csv", "test.csv")),
    *(f"snips/{split}_{kind}.json" for kind in _SNIPS_KINDS for split in ("train", "validate")),
    *(f"scitldr/{split}.jsonl" for split in ("train", "dev", "test")),
    "nlupp/hotels-fold1.json",
)


@dataclass(frozen=True)
class DemoWish:
    """What the user asked for.

    Attributes:
        data: Folder with public task data as published; None for the sample tasks.
        judge: ``reference`` or ENDPOINT:MODEL.
        full: All tasks, all labels, 300 prompts.
        qlora: Store the base in 4 bits while training.
        round: Counts repetitions from 1.
    """

    data: Path | None = None
    judge: str = "reference"
    budget_usd: float | None = None
    full: bool = False
    qlora: bool = False
    round: int = 1


def demo_study(wish: DemoWish) -> StudySpec:
    """The study that a wish stands for.

    Raises:
        StudyError: The folder lacks the public files.
    """
    file = resource("studies", "demo.yml")
    values: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    if wish.data is not None:
        values["name"] = "demo-public"
        values["about"] = _PUBLIC_ABOUT
        values["tasks"] = _public_tasks(wish.data.expanduser().resolve(), full=wish.full)
    elif wish.full:
        values["tasks"].insert(2, _summaries())
    if wish.full:
        values["name"] += "-full"
        for task in values["tasks"]:
            task["limits"] = {"test": _FULL_PROMPTS, "dev": 60}
    if wish.qlora:
        values["name"] += "-qlora"
        values["training"]["method"] = "qlora"
    if wish.judge != "reference":
        values["judging"] = {"judge": wish.judge}
        values["budget_usd"] = wish.budget_usd
        values["name"] += f"-judged-{slug(wish.judge.replace(':', '-'))}"
        endpoint, _, model = wish.judge.partition(":")
        if is_endpoint(wish.judge):
            names = _GPT_REFERENCES if endpoint == "openai" else (model,)
            values["references"] += [f"{endpoint}:{name}" for name in names]
    if wish.round > 1:
        values["name"] += f"-{wish.round}"
    return StudySpec(study=check_study(values, str(file)), folder=str(file.parent))


def demo_here(workspace: Workspace, wish: DemoWish, *, fresh: bool = False) -> StudySpec:
    """The study that a wish stands for in a workspace: its newest round there.

    Args:
        fresh: The round after that, so that everything is done again.

    Raises:
        StudyError: The folder lacks the public files.
    """
    with workspace.catalogue.reading() as rows:
        names = set(rows.scalars(select(Study.name)))
    name, last = demo_study(replace(wish, round=1)).study.name, 0
    while (name if last == 0 else f"{name}-{last + 1}") in names:
        last += 1
    return demo_study(replace(wish, round=max(1, last + fresh)))


def _summaries() -> dict[str, Any]:
    """The shipped summarisation task."""
    task = yaml.safe_load(resource("tasks", "note-summaries", "task.yml").read_text(encoding="utf-8"))
    return {
        "dataset": task["name"],
        "metric": task["metric"],
        "training": {"epochs": 2},
        "source": {
            "files": [{"path": "../tasks/note-summaries/examples.jsonl"}],
            "map": task["map"],
            "system": task["system"],
        },
        "expected": {"train": 105, "dev": 15, "test": 30, "prompt_tokens": 130, "answer_tokens": 28},
    }


def _public_tasks(data: Path, *, full: bool) -> list[dict[str, Any]]:
    """Banking77, SNIPS, SciTLDR and, sealed, NLU++, from their files as published."""
    for pattern in _PUBLIC_FILES:
        if not any(data.glob(pattern)):
            raise StudyError(
                "demo.no_data",
                "The folder {file} has no {pattern}.",
                fix="Name a folder with banking77/, snips/, scitldr/ and nlupp/ as published.",
                file=str(data),
                pattern=pattern,
            )
    categories = json.loads((data / "banking77" / "categories.json").read_text(encoding="utf-8"))
    kinds = sorted(path.stem.removeprefix("train_") for path in (data / "snips").glob("train_*.json"))
    kinds = kinds if full else [kind for kind in kinds if kind in _SNIPS_KINDS]
    folds = sorted((data / "nlupp").glob("hotels-fold*.json"))
    return [
        {
            "dataset": "banking77",
            "metric": "label",
            "answers": [] if full else sorted(categories)[::10][:8],
            "limits": {"train": 96, "dev": 20, "test": 30},
            "training": {"epochs": 2},
            "source": {
                "files": [
                    {"path": str(data / "banking77" / "train.csv")},
                    {"path": str(data / "banking77" / "test.csv"), "split": "test"},
                ],
                "map": {"prompt": "text", "completion": "category"},
                "system": "Read the bank customer's message and reply with the name of its intent only.",
                "test_share": 0.0,
            },
            "expected": {"train": 9000, "dev": 1000, "test": 3080, "prompt_tokens": 45, "answer_tokens": 7},
        },
        {
            "dataset": "snips",
            "metric": "json_fields",
            "limits": {"train": 96, "dev": 20, "test": 30},
            "training": {"epochs": 1},
            "source": {
                "files": [{"path": str(data / "snips" / f"train_{kind}.json")} for kind in kinds]
                + [
                    {"path": str(data / "snips" / f"validate_{kind}.json"), "split": "test"} for kind in kinds
                ],
                "system": "Give the slots of the request as one flat JSON object.",
                "test_share": 0.0,
            },
            "expected": {"train": 540, "dev": 60, "test": 200, "prompt_tokens": 40, "answer_tokens": 35},
        },
        {
            "dataset": "scitldr",
            "metric": "rouge_l",
            "limits": {"train": 32, "dev": 8, "test": 16},
            "training": {"epochs": 1},
            "source": {
                "files": [
                    {"path": str(data / "scitldr" / f"{split}.jsonl"), "split": split}
                    for split in ("train", "dev", "test")
                ],
                "map": {"prompt": "source", "completion": "target"},
                "system": "Summarise the abstract in one sentence.",
            },
            "expected": {"train": 1992, "dev": 619, "test": 618, "prompt_tokens": 230, "answer_tokens": 28},
        },
        {
            "dataset": "nlupp-hotels",
            "sealed": True,
            "metric": "json_fields",
            "limits": {"train": 96, "test": 30},
            "training": {"epochs": 1},
            "source": {
                "files": [{"path": str(path)} for path in folds[:-1]]
                + [{"path": str(folds[-1]), "split": "test"}],
                "system": "Give intents and slots of the hotel guest's message as one JSON object.",
                "test_share": 0.0,
                "dev_share": 0.0,
            },
            "expected": {"train": 150, "dev": 1, "test": 50, "prompt_tokens": 45, "answer_tokens": 35},
        },
    ]
