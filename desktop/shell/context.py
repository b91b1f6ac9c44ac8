"""What a page is given to build itself: data, look, and ways to the rest of the window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from desktop.problem import Problem
from desktop.services import Services
from desktop.theme.look import Look


@dataclass(frozen=True)
class Context:
    """Passed to every page.

    Attributes:
        go: Shows another page; a target is handed to that page's ``open``.
        tell: Says a sentence at the foot of the window.
        show_problem: Tells of a failure.
        recall: What was remembered for the next time under a name; None: nothing.
        remember: Keeps something for the next time under a name.
        reopen: Closes the window and opens it again, in the language that was chosen.
        offer_undo: Says that something was done and lets it be undone for a while: sentence, and what undoes it.
    """

    services: Services
    look: Look
    go: Callable[[str, Any], None]
    tell: Callable[[str], None]
    show_problem: Callable[[Problem], None]
    offer_undo: Callable[[str, Callable[[], None]], None]
    recall: Callable[[str], Any]
    remember: Callable[[str, Any], None]
    reopen: Callable[[], None]
