"""Which prompts of a grid are shown. Knows no Qt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal, get_args

if TYPE_CHECKING:
    from engine.judging.grid import Answerer, Grid
    from engine.judging.verdicts import Prompt

Filter = Literal["all", "differ", "loses", "cut", "disagree", "missing"]

FILTERS: Final[tuple[Filter, ...]] = get_args(Filter)


def filtered(
    grid: Grid, shown: Sequence[Answerer], x: str, wanted: str = ""
) -> dict[Filter, tuple[int, ...]]:
    """Places of the prompts that each filter leaves.

    Args:
        shown: The contestants that are looked at.
        x: Id of the one that ``loses`` is about.
        wanted: Words that the prompt or an answer holds.
    """
    ids = [one.id for one in shown]
    among = set(ids)
    found: dict[Filter, list[int]] = {name: [] for name in FILTERS}
    sought = wanted.casefold().strip()
    for place, prompt in enumerate(grid.prompts):
        outputs = [grid.outputs[one].get(prompt.id) for one in ids]
        answers = [output.text.strip() for output in outputs if output is not None]
        if sought and not _holds(sought, prompt, answers):
            continue
        if len(answers) < len(ids):
            found["missing"].append(place)
        if not answers:
            continue
        found["all"].append(place)
        if len(set(answers)) > 1:
            found["differ"].append(place)
        if any(output is not None and output.stop != "stop" for output in outputs):
            found["cut"].append(place)
        if x in among and grid.tally(prompt.id, x, among - {x}).losses:
            found["loses"].append(place)
        if any(
            made.consistent is False and {made.contestant_a, made.contestant_b} <= among
            for made in grid.outcomes.get(prompt.id, ())
        ):
            found["disagree"].append(place)
    return {name: tuple(places) for name, places in found.items()}


def asked(prompt: Prompt) -> str:
    """What a prompt asks: its last message, without the instruction before it."""
    content = prompt.messages[-1].get("content") if prompt.messages else ""
    return content if isinstance(content, str) else str(content or "")


def _holds(sought: str, prompt: Prompt, answers: Sequence[str]) -> bool:
    return sought in asked(prompt).casefold() or any(sought in answer.casefold() for answer in answers)
