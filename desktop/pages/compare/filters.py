"""Which prompts of a grid are shown. Knows no Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal, get_args

if TYPE_CHECKING:
    from engine.judging.grid import Answerer, Grid
    from engine.judging.verdicts import Prompt

Filter = Literal["all", "differ", "loses", "cut", "disagree", "missing"]

FILTERS: Final[tuple[Filter, ...]] = get_args(Filter)


#: Those that depend on the answers alone, not on what judges say of them.
_OF_ANSWERS: Final[tuple[Filter, ...]] = ("all", "differ", "cut", "missing")


def by_answers(grid: Grid, shown: Sequence[Answerer], wanted: str = "") -> dict[Filter, tuple[int, ...]]:
    """Places of the prompts that the filters leave which ask for the answers alone.

    Args:
        shown: The contestants that are looked at.
        wanted: Words that the prompt or an answer holds.
    """
    outputs = [grid.outputs[one.id] for one in shown]
    found: dict[Filter, list[int]] = {name: [] for name in _OF_ANSWERS}
    sought = wanted.casefold().strip()
    for place, prompt in enumerate(grid.prompts):
        there = [of[prompt.id] for of in outputs if prompt.id in of]
        answers = [output.text.strip() for output in there]
        if sought and not _holds(sought, prompt, answers):
            continue
        if len(there) < len(outputs):
            found["missing"].append(place)
        if not there:
            continue
        found["all"].append(place)
        if len(set(answers)) > 1:
            found["differ"].append(place)
        if any(output.stop != "stop" for output in there):
            found["cut"].append(place)
    return {name: tuple(places) for name, places in found.items()}


def filtered(
    grid: Grid, shown: Sequence[Answerer], x: str, answered: Mapping[Filter, tuple[int, ...]]
) -> dict[Filter, tuple[int, ...]]:
    """Places of the prompts that each filter leaves.

    Args:
        shown: The contestants that are looked at.
        x: Id of the one that ``loses`` is about.
        answered: What `by_answers` has found.
    """
    among = {one.id for one in shown}
    others = among - {x}
    loses, disagree = [], []
    for place in answered["all"]:
        made = grid.outcomes.get(grid.prompts[place].id, ())
        if x in among and any(
            (one.contestant_a == x and one.contestant_b in others and one.winner == "b")
            or (one.contestant_b == x and one.contestant_a in others and one.winner == "a")
            for one in made
        ):
            loses.append(place)
        if any(
            one.consistent is False and one.contestant_a in among and one.contestant_b in among
            for one in made
        ):
            disagree.append(place)
    return {**answered, "loses": tuple(loses), "disagree": tuple(disagree)}


def asked(prompt: Prompt) -> str:
    """What a prompt asks: its last message, without the instruction before it."""
    content = prompt.messages[-1].get("content") if prompt.messages else ""
    return content if isinstance(content, str) else str(content or "")


def _holds(sought: str, prompt: Prompt, answers: Sequence[str]) -> bool:
    return sought in asked(prompt).casefold() or any(sought in answer.casefold() for answer in answers)
