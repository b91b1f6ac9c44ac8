"""What follows from a study's numbers, in sentences that claim no more than they show."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from engine.ranking import Ranking, Standing
from engine.studies.result import StudyResult, TaskResult

Verdict = Literal["holds", "not separable", "reversed", "not judged"]


def conclude(result: StudyResult, ranking: Ranking) -> tuple[list[str], list[str]]:
    """Conclusions, most important first, and cautions."""
    conclusions = [_leader(result, ranking), *_merges(result, ranking)]
    if result.validation is not None:
        conclusions.append(result.validation.sentence)
    trained = {entrant.name for entrant in result.entrants if entrant.kind != "reference"}
    conclusions += [sentence for task in result.tasks for sentence in _gain(task, trained)]
    cautions = list(ranking.warnings)
    if result.repeats == 1:
        cautions.append(
            "Each base was trained once per task: the intervals cover the choice of prompts, not the luck of "
            "training. In simulations two equal bases are then called different in 13 to 33% of cases. "
            "Set repeats: 3 or more to cover it."
        )
    if result.judge == "reference":
        cautions.append(
            "The judge was the reference judge: it compares answers with the dataset's own answers by a metric, "
            "so it sees nothing that the metric does not see."
        )
    cut = [step.title for step in result.steps if step.summary.get("stopped") == "budget"]
    if cut:
        cautions.append(f"The budget ended before these were complete: {', '.join(cut)}.")
    if result.validation is not None and not result.validation.sealed_until_now:
        cautions.append(
            f"The task {result.validation.dataset} was not sealed until this study opened it: somebody may have "
            "looked at it, or chosen by it, before."
        )
    if result.still_sealed:
        cautions.append(
            f"The task {result.still_sealed} is still sealed: whether the order holds on a task that nobody has "
            "looked at shows when it is opened."
        )
    prompts = sum(task.prompts for task in result.tasks)
    if prompts < 100:
        cautions.append(
            f"The table rests on {prompts} test prompts; with so few only large differences show."
        )
    return conclusions, cautions


def _leader(result: StudyResult, ranking: Ranking) -> str:
    if result.winner is None:
        return "Nothing could be ranked."
    names = [row.name for row in ranking.contestants]
    others = [name for name in names if name != result.winner]
    level = [name for name in others if _same(ranking, result.winner, name)]
    # The winner is the best of what was trained; a reference may stand above it.
    above = [name for name in names[: names.index(result.winner)] if name not in level]
    equals = [name for name in others if not ranking.separable(result.winner, name)]
    if not above and not equals:
        return f"{result.winner} is the best of all, surely at the {result.level:.0%} level."
    if not above and level:
        return f"{_listed([result.winner, *level])} are equal at the top: nothing tells which is best."
    highest = f"{result.winner} stands highest{' of what was trained' if above else ''}"
    surely = [name for name in above if name not in equals]
    if surely:
        highest += f"; {_listed(surely)} {'stands' if len(surely) == 1 else 'stand'} surely above it"
    if not equals:
        return f"{highest}."
    settle = ranking.settle
    more = (
        f" About {settle.comparisons:,} more comparisons would tell {settle.first} and {settle.second} apart, "
        "if they differ as much as it seems now."
        if settle
        else ""
    )
    return f"{highest}{'. It' if surely else ', but'} cannot be told apart from {_listed(equals)}.{more}"


def _merges(result: StudyResult, ranking: Ranking) -> list[str]:
    merges = [entrant.name for entrant in result.entrants if entrant.kind == "merge"]
    if not merges:
        return []
    order = [row.name for row in ranking.contestants]
    best = next((name for name in order if name in merges), None)
    bases = [entrant.name for entrant in result.entrants if entrant.kind == "base"]
    best_base = next((name for name in order if name in bases), None)
    if best is None or best_base is None:
        return []
    if _same(ranking, best, best_base):
        return [f"No merge wins: the best merge, {best}, and the best base, {best_base}, are equal."]
    if order.index(best) < order.index(best_base):
        sure = "surely" if ranking.separable(best, best_base) else "but not separably"
        return [f"The merge {best} stands above every base ({sure} above {best_base})."]
    sure = "surely" if ranking.separable(best, best_base) else "though not separably"
    return [f"No merge wins: {best_base} stands above the best merge, {best} ({sure})."]


def _same(ranking: Ranking, first: str, second: str) -> bool:
    """Whether the verdicts rate two exactly alike."""
    return ranking.standing(first).rank == ranking.standing(second).rank


def _gain(task: TaskResult, trained: Collection[str]) -> list[str]:
    """What fine-tuning brought on a task, beside its floors."""
    tuned = [figures for figures in task.figures if figures.entrant in trained]
    if not tuned:
        return []
    best = max(tuned, key=lambda figures: figures.metric)
    beside = [
        f"{name} {value:.2f}"
        for name, value in (
            ("untuned", task.untuned),
            ("untuned with solved examples in the prompt", task.few_shot),
            ("always the most frequent label", task.floor),
        )
        if value is not None
    ]
    against = f" ({', '.join(beside)})" if beside else ""
    return [f"On {task.dataset} the best fine-tune reaches {best.metric:.2f} {task.metric_title}{against}."]


def validate_sentence(
    first: str, second: str, dataset: str, standing: Standing | None
) -> tuple[Verdict, str]:
    """The verdict of the sealed task on ``first`` against ``second`` (``standing`` is their difference)."""
    if standing is None:
        return (
            "not judged",
            f"On the sealed task {dataset} nothing was judged, so the order is not confirmed.",
        )
    if standing.lo is not None and standing.lo > 0:
        return "holds", f"On the sealed task {dataset} the order holds: {first} is surely above {second}."
    if standing.hi is not None and standing.hi < 0:
        return (
            "reversed",
            f"On the sealed task {dataset} the order is reversed: {second} is surely above {first}.",
        )
    return (
        "not separable",
        f"On the sealed task {dataset} {first} and {second} cannot be told apart: the order is neither confirmed "
        "nor refuted.",
    )


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
