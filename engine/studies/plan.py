"""What a study will do, how long it may take and what it may cost, before it starts and without loading a model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from engine.errors import BakeoffError, Words
from engine.inference.access import prices
from engine.models.inspect import ModelInfo
from engine.models.speed import GPU_FLOPS, START_SECONDS, machine_flops, training_flops
from engine.progress import SilentReporter
from engine.studies.paid import is_endpoint
from engine.studies.planned import LIGHT_START, Plan, PlannedJob
from engine.studies.spec import Base, Study, Task
from engine.training.schedule import plan_schedule
from engine.workspace import Workspace
from engine.workspace.tables import Dataset, Model

#: Share of a core's peak that decoding one token for a batch reaches.
_DECODING: Final = 0.45
#: Seconds of exporting a model, and of each of its weights.
_EXPORT_START: Final = 1.0
_EXPORT_PER_WEIGHT: Final = 1.5e-8
_DEMO_PARAMETERS: Final = 134.5e6
#: Characters per token of ordinary text.
_CHARACTERS: Final = 4.0
#: Tokens of a judge's question beside prompt and answers, and of its verdict.
_JUDGE_TOKENS: Final = (350, 120)


@dataclass(frozen=True)
class _Size:
    """How much there is of a task: examples, and mean tokens of a prompt and an answer."""

    train: int
    dev: int
    test: int
    prompt: float
    answer: float


def plan_study(study: Study, workspace: Workspace) -> Plan:
    """Plan a study. Works before its models and datasets are there, with the sizes that its file expects."""
    return _Planner(study, workspace).plan()


class _Planner:
    def __init__(self, study: Study, workspace: Workspace) -> None:
        self._study = study
        self._workspace = workspace
        self._plan = Plan(study.name)
        self._references = study.references
        self._merges = study.merging.recipes if study.merging else []

    def plan(self) -> Plan:
        """All phases."""
        study = self._study
        siblings = (base.sibling.dataset for base in study.bases if base.sibling)
        for name in dict.fromkeys([*siblings, *(task.dataset for task in study.tasks)]):
            if not self._has_dataset(name):
                self._add("prepare", f"import {name}", Words("Import {name}", name=name), LIGHT_START + 1)
        for base in study.bases:
            self._prepare_base(base)
        entrants = [base.name for base in study.bases]
        for task in study.open_tasks():
            for base in study.bases:
                self._train("fine-tune", task, base.name)
        self._answer_and_judge("bases", study.open_tasks(), entrants, with_references=True)
        if study.merging:
            merges = [f"merge {number + 1}" for number in range(len(self._merges))]
            weights = self._parameters(study.bases[0])
            for name in merges:
                self._add(
                    "merge",
                    name,
                    Words("Make {name}", name=name),
                    LIGHT_START + 4 + weights * 2e-8,
                    weights * 2e-8 + 5,
                )
            for task in study.open_tasks():
                for name in merges:
                    self._train("fine-tune merges", task, name)
            self._answer_and_judge("merges", study.open_tasks(), merges, with_references=False)
        everyone = len(entrants) + len(self._merges)
        self._judge("rank", study.open_tasks(), everyone, "test", references=len(self._references))
        sealed = study.sealed_task()
        if sealed and study.opening == "at_end":
            for name in ("winner", "plain"):
                self._train("validate", sealed, name)
            self._answer("validate", sealed, 2, ("test",))
            self._judge("validate", [sealed], 2, "test")
        if study.judging.max_comparisons is not None:
            self._plan.limit(study.judging.max_comparisons)
        if study.budget_usd is not None and self._plan.usd > study.budget_usd:
            self._plan.notes.append(
                f"The forecast of {self._plan.usd:.2f} USD is above the budget of {study.budget_usd:.2f} USD: "
                "references answer first, then each judging gets its share and stops where that ends."
            )
        return self._plan

    def _prepare_base(self, base: Base) -> None:
        if base.sibling:
            recipe = self._study.recipe(None, seed=0, own=base.sibling.training)
            tokens = 48 * 60 * (recipe.epochs or 1)
            flops = tokens * self._weights(base) * training_flops(recipe.lora_layers)
            self._add(
                "prepare",
                f"sibling {base.name}",
                Words("Train sibling {name}", name=base.name),
                *self._computing(flops),
            )
            self._add(
                "prepare", f"fold {base.name}", Words("Fold sibling {name}", name=base.name), START_SECONDS
            )
        elif not self._has_model(base.name):
            weights = self._parameters(base)
            self._add(
                "prepare",
                f"add {base.name}",
                Words("Add {name}", name=base.name),
                START_SECONDS + 8 + weights * 2e-8,
                weights * 2e-8,
            )

    def _train(self, phase: str, task: Task, name: str) -> None:
        size = self._size(task)
        recipe = self._study.recipe(task, seed=0)
        schedule = plan_schedule(max(size.train, 1), recipe, SilentReporter())
        tokens = size.train * schedule.epochs * (size.prompt + size.answer)
        flops = tokens * self._weights(self._study.bases[0]) * training_flops(recipe.lora_layers)
        for repeat in range(self._study.repeats):
            suffix = f" #{repeat + 1}" if self._study.repeats > 1 else ""
            key = f"train {task.dataset} {name}{suffix}"
            self._add(
                phase,
                key,
                Words("Train {base} on {dataset}{suffix}", base=name, dataset=task.dataset, suffix=suffix),
                *self._computing(flops),
            )

    def _answer_and_judge(
        self, who: str, tasks: list[Task], names: list[str], *, with_references: bool
    ) -> None:
        for task in tasks:
            count = len(names) * self._study.repeats
            local = [name for name in self._references if not is_endpoint(name)] if with_references else []
            splits = ("dev", "test") if self._study.merging else ("test",)
            self._answer(f"answer {who}", task, count + len(local), splits, local)
            for name in self._references if with_references else []:
                if is_endpoint(name):
                    self._api(task, name)
        if self._study.merging:
            known = len(self._study.bases) + (len(self._merges) if who == "merges" else 0)
            self._judge(f"choose {who}", tasks, known, "dev")

    def _answer(
        self,
        phase: str,
        task: Task,
        contestants: int,
        splits: tuple[str, ...],
        extra: list[str] | None = None,
    ) -> None:
        if self._study.quantisation is not None:
            # What answers again in a later task is exported once, which is not worth telling apart here.
            weights = self._parameters(self._study.bases[0])
            key = f"export {phase.removeprefix('answer ')} {task.dataset}"
            seconds = START_SECONDS + contestants * (_EXPORT_START + weights * _EXPORT_PER_WEIGHT)
            self._add(
                phase,
                key,
                Words(
                    "Export models of {dataset} as {form}",
                    dataset=task.dataset,
                    form=self._study.quantisation,
                ),
                seconds,
                seconds,
            )
        size = self._size(task)
        asked = sum(getattr(size, split) for split in splits) * (contestants - len(extra or []))
        asked += size.test * len(extra or [])  # references answer no dev prompts
        prompt, decoded = asked * size.prompt, asked * size.answer
        flops = 2.0 * self._weights(self._study.bases[0]) * (prompt + decoded / _DECODING)
        self._add(
            phase,
            f"{phase} {task.dataset}",
            Words("Answer {dataset}", dataset=task.dataset),
            *self._computing(flops),
        )

    def _api(self, task: Task, name: str) -> None:
        size = self._size(task)
        endpoint, _, model = name.partition(":")
        calls = size.test  # references answer no dev prompts
        try:
            price = prices(self._workspace).require(model, endpoint)
        except BakeoffError as error:
            self._plan.notes.append(error.message)
            return
        usd = price.cost(round(calls * size.prompt), round(calls * size.answer))
        self._add(
            "answer bases",
            f"api {task.dataset} {name}",
            Words("{name} answers {dataset}", name=name, dataset=task.dataset),
            calls * 0.5,
            calls * 0.5,
            usd=usd,
        )

    def _judge(
        self, phase: str, tasks: list[Task], entrants: int, split: str, *, references: int = 0
    ) -> None:
        judging, repeats = self._study.judging, self._study.repeats
        contestants = entrants * repeats + references
        # Fine-tunes of one entrant are not compared with each other.
        pairs = math.comb(contestants, 2) - entrants * math.comb(repeats, 2)
        for task in tasks:
            size = self._size(task)
            prompts = size.test if split == "test" else size.dev
            comparisons = pairs * prompts
            if judging.judge == "reference":
                seconds, usd = LIGHT_START, 0.0
            else:
                if judging.max_comparisons is None:
                    comparisons = min(comparisons, contestants * prompts * 2)
                seconds, usd = comparisons * 2 * 0.5, self._judging_usd(comparisons * 2, size)
            key, title = (
                f"{phase} judge {task.dataset}",
                Words("Judge {dataset} ({split})", dataset=task.dataset, split=split),
            )
            self._add(phase, key, title, seconds, seconds, usd=usd, comparisons=comparisons)

    def _judging_usd(self, calls: int, size: _Size) -> float:
        """Expected price of a judge's calls."""
        if not is_endpoint(self._study.judging.judge):
            return 0.0
        endpoint, _, model = self._study.judging.judge.partition(":")
        question, verdict = _JUDGE_TOKENS
        try:
            price = prices(self._workspace).require(model, endpoint)
        except BakeoffError as error:
            if error.message not in self._plan.notes:
                self._plan.notes.append(error.message)
            return 0.0
        return price.cost(round(calls * (size.prompt + 2 * size.answer + question)), calls * verdict)

    def _add(
        self,
        phase: str,
        key: str,
        title: str,
        seconds: float,
        gpu: float = 0.0,
        *,
        usd: float = 0.0,
        comparisons: int = 0,
    ) -> None:
        self._plan.jobs.append(
            PlannedJob(phase, key, title, round(seconds, 1), round(gpu, 1), round(usd, 4), comparisons)
        )

    def _computing(self, flops: float) -> tuple[float, float]:
        return flops / machine_flops() + START_SECONDS, flops / GPU_FLOPS + 3 * START_SECONDS

    def _size(self, task: Task) -> _Size:
        counts, prompt, answer = self._known_size(task)
        limits = task.limits

        def within(count: int, limit: int | None) -> int:
            return min(count, limit) if limit else count

        return _Size(
            within(counts["train"], limits.train),
            within(counts["dev"], limits.dev),
            within(counts["test"], limits.test),
            prompt,
            answer,
        )

    def _known_size(self, task: Task) -> tuple[dict[str, int], float, float]:
        """From the workspace where the dataset is there, else from the study's file."""
        expected = task.expected
        counts = {"train": expected.train, "dev": expected.dev, "test": expected.test}
        with self._workspace.catalogue.reading() as session:
            row = session.scalar(select(Dataset).where(Dataset.name == task.dataset))
        if row is None:
            return counts, expected.prompt_tokens, expected.answer_tokens
        if row.sealed:  # its counts are no secret; the same whether it is open by now or not
            return row.manifest["counts"], expected.prompt_tokens, expected.answer_tokens
        from engine.datasets.store import DatasetStore

        store = DatasetStore(self._workspace.absolute(row.folder))
        sample = store.page("train", limit=64)
        prompt = sum(sum(len(m.content or "") for m in example.prompt) for example in sample)
        answer = sum(len(example.answer.content or "") for example in sample)
        many = max(len(sample), 1)
        return row.manifest["counts"], prompt / many / _CHARACTERS + 12, answer / many / _CHARACTERS + 2

    def _parameters(self, base: Base) -> float:
        with self._workspace.catalogue.reading() as session:
            row = session.scalar(select(Model).where(Model.name == base.name))
        if row is not None:
            return float(ModelInfo.model_validate(row.info).parameters)
        return base.parameters or _DEMO_PARAMETERS

    def _weights(self, base: Base) -> float:
        """Weights that multiply every token: all but the embedding, about four fifths of a small model."""
        parameters = self._parameters(base)
        return parameters * (0.79 if parameters < 1e9 else 0.97)

    def _has_model(self, name: str) -> bool:
        with self._workspace.catalogue.reading() as session:
            return session.scalar(select(Model.id).where(Model.name == name)) is not None

    def _has_dataset(self, name: str) -> bool:
        with self._workspace.catalogue.reading() as session:
            return session.scalar(select(Dataset.id).where(Dataset.name == name)) is not None
