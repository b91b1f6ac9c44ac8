"""Who and what there is in the sample workspace."""

from __future__ import annotations

from typing import Final

STUDY: Final = "town desk"
#: Datasets of the study, from `resources/tasks`; the last one is sealed.
TASKS: Final = ("library-intents", "request-extraction", "note-summaries")
SEALED: Final = "lost-property"
#: Bases; the first is the plain one.
BASES: Final = ("cedar-360m", "alder-360m", "birch-360m", "elm-360m")
#: Merges, and the method of each.
MERGES: Final = {"alder-birch-slerp": "slerp", "alder-birch-ties": "ties"}
PARENTS: Final = ("alder-360m", "birch-360m")
UNTUNED: Final = "untuned:cedar-360m"
LARGE: Final = "lab:large"
JUDGE: Final = "lab:judge"

#: How well each answers: the chance of a right answer to an easy question.
STRENGTHS: Final = {
    "alder-birch-slerp": 0.97,
    "alder-birch-ties": 0.86,
    LARGE: 0.82,
    "alder-360m": 0.76,
    "birch-360m": 0.73,
    "elm-360m": 0.58,
    "cedar-360m": 0.46,
    UNTUNED: 0.10,
}


def tuned(entrant: str, task: str) -> str:
    """The name of the fine-tune of a base or a merge."""
    return f"{entrant}-{task}"


def contestant(entrant: str, task: str) -> str:
    """Who answers for an entrant on a task."""
    if entrant == LARGE:
        return entrant
    return f"{entrant}@q8_0" if entrant == UNTUNED else f"{tuned(entrant, task)}@q8_0"
