"""What follows from a study's numbers, in sentences that claim no more than they show."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from engine.errors import Words
from engine.ranking import Ranking, Standing
from engine.studies.result import StudyResult, TaskResult

Verdict = Literal["holds", "not separable", "reversed", "not judged"]


def conclude(result: StudyResult, ranking: Ranking) -> tuple[list[str], list[str]]:
    """Conclusions, most important first, and cautions: in the engine's words (see `engine.errors.Words`)."""
    conclusions: list[str] = [_leader(result, ranking), *_merges(result, ranking)]
    if result.validation is not None:
        conclusions.append(result.validation.sentence)
    trained = {entrant.name for entrant in result.entrants if entrant.kind != "reference"}
    conclusions += [sentence for task in result.tasks for sentence in _gain(task, trained)]
    cautions: list[str] = list(ranking.warnings)
    if result.repeats == 1:
        cautions.append(
            Words(
                "Each base was trained once per task: the intervals cover the choice of prompts, not the luck of "
                "training. In simulations two equal bases are then called different in 13 to 33% of cases. "
                "Set repeats: 3 or more to cover it."
            )
        )
    if result.judge == "reference":
        cautions.append(
            Words(
                "The judge was the reference judge: it compares answers with the dataset's own answers by a metric, "
                "so it sees nothing that the metric does not see."
            )
        )
    cut = [step.title for step in result.steps if step.summary.get("stopped") == "budget"]
    if cut:
        cautions.append(Words("The budget ended before these were complete: {steps}.", steps=", ".join(cut)))
    if result.validation is not None and not result.validation.sealed_until_now:
        cautions.append(
            Words(
                "The task {dataset} was not sealed until this study opened it: somebody may have "
                "looked at it, or chosen by it, before.",
                dataset=result.validation.dataset,
            )
        )
    if result.still_sealed:
        cautions.append(
            Words(
                "The task {dataset} is still sealed: whether the order holds on a task that nobody has "
                "looked at shows when it is opened.",
                dataset=result.still_sealed,
            )
        )
    prompts = sum(task.prompts for task in result.tasks)
    if prompts < 100:
        cautions.append(
            Words(
                "The table rests on {prompts} test prompts; with so few only large differences show.",
                prompts=prompts,
            )
        )
    return conclusions, cautions


def _leader(result: StudyResult, ranking: Ranking) -> Words:
    if result.winner is None:
        return Words("Nothing could be ranked.")
    winner = result.winner
    names = [row.name for row in ranking.contestants]
    others = [name for name in names if name != winner]
    level = [name for name in others if _same(ranking, winner, name)]
    # The winner is the best of what was trained; a reference may stand above it.
    above = [name for name in names[: names.index(winner)] if name not in level]
    equals = [name for name in others if not ranking.separable(winner, name)]
    if not above and not equals:
        return Words(
            "{winner} is the best of all, surely at the {level:.0%} level.", winner=winner, level=result.level
        )
    if not above and level:
        return Words(
            "{names} are equal at the top: nothing tells which is best.", names=listed([winner, *level])
        )
    highest = (
        Words("{winner} stands highest of what was trained", winner=winner)
        if above
        else Words("{winner} stands highest", winner=winner)
    )
    surely = [name for name in above if name not in equals]
    if surely:
        highest = Words(
            "{highest}; {names} stands surely above it"
            if len(surely) == 1
            else "{highest}; {names} stand surely above it",
            highest=highest,
            names=listed(surely),
        )
    if not equals:
        return Words("{sentence}.", sentence=highest)
    settle = ranking.settle
    more = (
        Words(
            " About {comparisons:,} more comparisons would tell {first} and {second} apart, "
            "if they differ as much as it seems now.",
            comparisons=settle.comparisons,
            first=settle.first,
            second=settle.second,
        )
        if settle
        else ""
    )
    return Words(
        "{highest}. It cannot be told apart from {names}.{more}"
        if surely
        else "{highest}, but cannot be told apart from {names}.{more}",
        highest=highest,
        names=listed(equals),
        more=more,
    )


def _merges(result: StudyResult, ranking: Ranking) -> list[Words]:
    merges = [entrant.name for entrant in result.entrants if entrant.kind == "merge"]
    if not merges:
        return []
    order = [row.name for row in ranking.contestants]
    best = next((name for name in order if name in merges), None)
    bases = [entrant.name for entrant in result.entrants if entrant.kind == "base"]
    base = next((name for name in order if name in bases), None)
    if best is None or base is None:
        return []
    if _same(ranking, best, base):
        return [
            Words(
                "No merge wins: the best merge, {merge}, and the best base, {base}, are equal.",
                merge=best,
                base=base,
            )
        ]
    surely = ranking.separable(best, base)
    if order.index(best) < order.index(base):
        text = (
            "The merge {merge} stands above every base (surely above {base})."
            if surely
            else "The merge {merge} stands above every base (but not separably above {base})."
        )
    else:
        text = (
            "No merge wins: {base} stands above the best merge, {merge} (surely)."
            if surely
            else "No merge wins: {base} stands above the best merge, {merge} (though not separably)."
        )
    return [Words(text, merge=best, base=base)]


def _same(ranking: Ranking, first: str, second: str) -> bool:
    """Whether the verdicts rate two exactly alike."""
    return ranking.standing(first).rank == ranking.standing(second).rank


def _gain(task: TaskResult, trained: Collection[str]) -> list[Words]:
    """What fine-tuning brought on a task, beside its floors."""
    tuned = [figures for figures in task.figures if figures.entrant in trained]
    if not tuned:
        return []
    best = max(tuned, key=lambda figures: figures.metric)
    floors = [
        None if task.untuned is None else Words("untuned {value:.2f}", value=task.untuned),
        None
        if task.few_shot is None
        else Words("untuned with solved examples in the prompt {value:.2f}", value=task.few_shot),
        None if task.floor is None else Words("always the most frequent label {value:.2f}", value=task.floor),
    ]
    beside: str = ""
    for floor in floors:
        if floor is not None:
            beside = Words("{first}, {second}", first=beside, second=floor) if beside else floor
    return [
        Words(
            "On {dataset} the best fine-tune reaches {value:.2f} {metric}{against}.",
            dataset=task.dataset,
            value=best.metric,
            metric=Words(task.metric_title),
            against=Words(" ({floors})", floors=beside) if beside else "",
        )
    ]


def validate_sentence(
    first: str, second: str, dataset: str, standing: Standing | None
) -> tuple[Verdict, Words]:
    """The verdict of the sealed task on ``first`` against ``second`` (``standing`` is their difference)."""
    names = {"dataset": dataset, "first": first, "second": second}
    if standing is None:
        return "not judged", Words(
            "On the sealed task {dataset} nothing was judged, so the order is not confirmed.", dataset=dataset
        )
    if standing.lo is not None and standing.lo > 0:
        return "holds", Words(
            "On the sealed task {dataset} the order holds: {first} is surely above {second}.", **names
        )
    if standing.hi is not None and standing.hi < 0:
        return "reversed", Words(
            "On the sealed task {dataset} the order is reversed: {second} is surely above {first}.", **names
        )
    return "not separable", Words(
        "On the sealed task {dataset} {first} and {second} cannot be told apart: the order is neither confirmed "
        "nor refuted.",
        **names,
    )


def listed(names: list[str]) -> str:
    """Names as a list in a sentence."""
    if len(names) == 1:
        return names[0]
    return Words("{first} and {last}", first=", ".join(names[:-1]), last=names[-1])
