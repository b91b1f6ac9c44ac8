"""From a spec to what is judged and by whom; and the forecast of it, which needs no key and sends nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

from engine.datasets.example import Example
from engine.datasets.library import OpenDataset, open_dataset
from engine.datasets.options import Split
from engine.datasets.selection import select
from engine.inference.access import address, prices
from engine.inference.completion import Completion
from engine.inference.contestants import DATASET, latest
from engine.inference.endpoint import Endpoint
from engine.inference.outputs import read_outputs
from engine.judging.errors import JudgingError
from engine.judging.forecast import JudgingForecast, forecast_judging
from engine.judging.judges import Judge
from engine.judging.ledger import CatalogueLedger
from engine.judging.model_judge import endpoint_judge, local_judge
from engine.judging.pairs import Goal, PairChooser, missing_answers
from engine.judging.prompt import JudgePrompt, judge_prompt
from engine.judging.reference import ReferenceJudge
from engine.judging.spec import JudgeSpec
from engine.judging.standing import undecided_among
from engine.judging.verdicts import Contestant, Prompt
from engine.metrics import Metric, guess_metric, metric_named
from engine.models.library import find_model
from engine.progress import Reporter, SilentReporter
from engine.workspace import Workspace

#: Expected answers of the train split that the choice of a metric looks at.
_SAMPLE: Final = 2000

REFERENCE: Final = "reference"
LOCAL: Final = "local:"
HUMAN: Final = "human"


@dataclass(frozen=True)
class Prepared:
    """What a spec asks to judge.

    Attributes:
        dataset: Whose prompts.
        prompts: Those that at least one contestant answered.
        contestants: With their answers.
        shows_expected: Whether a judging model sees the dataset's answer.
    """

    dataset: OpenDataset
    prompts: list[Prompt]
    contestants: list[Contestant]
    shows_expected: bool

    def chooser(self, spec: JudgeSpec, *, everything: bool) -> PairChooser:
        """Deals out the pairs that ``spec`` asks for."""
        return PairChooser(
            self.contestants,
            self.prompts,
            Goal.parse(spec.goal),
            undecided=undecided_among(self.contestants),
            max_comparisons=spec.max_comparisons,
            seed=spec.seed,
            everything=everything or (spec.batch and spec.goal == "ranking"),
            growing=spec.batch,
            across_entrants=spec.across_entrants,
        )


def prepare(workspace: Workspace, spec: JudgeSpec, reporter: Reporter) -> Prepared:
    """Read prompts and answers.

    Raises:
        SealedError: The dataset is sealed.
        NameUnknownError: There is no such dataset.
        ContestantError: A contestant is not known, or has not answered this dataset.
        JudgingError: The dataset's answers are the judge's yardstick, and what is left is no comparison; a batch is
            asked of a judge that is behind no endpoint.
    """
    if spec.batch and (spec.judge == REFERENCE or spec.judge.startswith(LOCAL)):
        raise JudgingError(
            "judging.batch",
            "Only a judge behind an endpoint is asked in batches, such as openai:gpt-4o.",
            fix="Judge without --batch.",
        )
    dataset = open_dataset(workspace, spec.dataset, "judge")
    names = _judged_names(spec, reporter)
    shows_expected = spec.show_expected
    if shows_expected and DATASET in names:
        shows_expected = False
        reporter.decision(
            "show_expected", False, "the dataset's own answers are among the contestants and would win by it"
        )
    contestants = []
    for name in names:
        row = latest(workspace, dataset.id, name)
        answers = {output.prompt_id: output.text for output in read_outputs(workspace, row.id).values()}
        contestants.append(Contestant(row.id, row.name, row.entrant, answers))
    by_id: dict[str, Prompt] = {}
    for example in select(dataset.store, spec.split, limit=spec.limit):
        if any(example.prompt_id in one.answers for one in contestants):
            by_id.setdefault(example.prompt_id, prompt_of(example))
    prompts = list(by_id.values())
    gaps = missing_answers(contestants, prompts)
    if gaps:
        reporter.event("judge.missing_answers", prompts=len(prompts), missing=gaps)
    return Prepared(dataset, prompts, contestants, shows_expected)


def choose_metric(dataset: OpenDataset, spec: JudgeSpec, reporter: Reporter) -> Metric:
    """The metric of the reference judge: the spec's, else the one that fits the expected answers."""
    if spec.metric is not None:
        return metric_named(spec.metric)
    metric, reason = fitting_metric(dataset, spec.split)
    reporter.decision("metric", metric.name, reason)
    return metric


def fitting_metric(dataset: OpenDataset, split: Split) -> tuple[Metric, str]:
    """The metric that fits the expected answers of a dataset, and why."""
    examples = chain(islice(dataset.store.examples("train"), _SAMPLE), dataset.store.examples(split))
    return guess_metric([expected_answer(example) for example in examples])


def judge_prompt_for(prepared: Prepared) -> JudgePrompt:
    """The judge prompt that fits."""
    return judge_prompt(shows_expected=prepared.shows_expected)


def reference_judge(prepared: Prepared, spec: JudgeSpec, reporter: Reporter) -> ReferenceJudge:
    """The reference judge of a dataset."""
    return ReferenceJudge(choose_metric(prepared.dataset, spec, reporter), spec.margin)


def split_judge(judge: str) -> tuple[str, str]:
    """Endpoint and model of the judge ``ENDPOINT:MODEL``.

    Raises:
        JudgingError: It is not written like that.
    """
    endpoint, _, model = judge.partition(":")
    if endpoint == HUMAN:
        raise JudgingError(
            "judging.human", "People judge by voting.", fix="Use: bakeoff vote --dataset D --contestants A,B"
        )
    if not endpoint or not model:
        raise JudgingError(
            "judging.judge",
            "'{judge}' is no judge.",
            fix="Choose reference, ENDPOINT:MODEL (for example openai:gpt-4o) or local:MODEL.",
            judge=judge,
        )
    return endpoint, model


def forecast(workspace: Workspace, spec: JudgeSpec, reporter: Reporter | None = None) -> JudgingForecast:
    """What judging by ``spec`` will take. Needs no key, sends nothing, changes nothing.

    Raises:
        BakeoffError: What `prepare` raises; PriceError where the judge's model has no price.
    """
    reporter = reporter or SilentReporter()
    prepared = prepare(workspace, spec, reporter)
    ledger = CatalogueLedger(workspace.catalogue, prepared.dataset.id, spec.split)
    chooser = prepared.chooser(spec, everything=True)
    judge: Judge
    if spec.judge == REFERENCE:
        return forecast_judging(chooser, reference_judge(prepared, spec, reporter), ledger)
    if spec.judge.startswith(LOCAL):
        files = find_model(workspace, spec.judge.removeprefix(LOCAL))
        judge = local_judge(files.name, files.identity, _never, prompt=judge_prompt_for(prepared))
        return forecast_judging(chooser, judge, ledger)
    name, model = split_judge(spec.judge)
    url, _ = address(workspace, name)
    endpoint = Endpoint(name, url, None, prices=prices(workspace))
    judge = endpoint_judge(endpoint, model, prompt=judge_prompt_for(prepared))
    price = endpoint.prices.require_batch(model, name) if spec.batch else endpoint.prices.require(model, name)
    return forecast_judging(chooser, judge, ledger, price)


def expected_answer(example: Example) -> str:
    """The dataset's answer as text; a tool call in its JSON."""
    answer = example.answer
    return answer.content if answer.content is not None else json.dumps(answer.tool_calls, ensure_ascii=False)


def _judged_names(spec: JudgeSpec, reporter: Reporter) -> list[str]:
    names = list(dict.fromkeys(spec.contestants))
    if spec.judge != REFERENCE:
        return names
    others = [name for name in names if name != DATASET]
    if Goal.parse(spec.goal).reference == DATASET or len(others) < 2 <= len(names):
        raise JudgingError(
            "judging.yardstick",
            "The reference judge measures answers by the dataset's own, so the dataset is no contestant.",
            fix="Name another contestant, or another judge with --judge.",
        )
    if others != names:
        names = others
        reporter.decision(
            "contestants", names, "under the reference judge the dataset's answers are the yardstick"
        )
    return names


def prompt_of(example: Example) -> Prompt:
    """An example as a prompt to judge answers to."""
    messages = tuple(message.as_dict() for message in example.prompt)
    return Prompt(example.prompt_id, messages, expected_answer(example))


def _never(*_: object) -> Completion:
    raise JudgingError("judging.forecast", "A forecast asks no judge.")
