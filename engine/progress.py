"""How long work tells what it does, without knowing who listens."""

from __future__ import annotations

from typing import Any, Protocol


class Reporter(Protocol):
    """Receives what a piece of work has to say while it runs.

    A job's context is one (its events go to ``events.jsonl``); so is `SilentReporter`.
    """

    def event(self, type: str, /, **data: Any) -> None:
        """Record that something happened (``type`` is a stable dotted name)."""

    def decision(self, subject: str, choice: Any, reason: str, /, **data: Any) -> None:
        """Record something the engine chose by itself, and why."""

    def progress(self, done: float, total: float | None, unit: str, /, **data: Any) -> None:
        """Tell how far the work is; may be called often, the listener thins it out."""

    def check(self) -> None:
        """Give the listener the chance to interrupt: it may raise here, and nothing is lost."""


class SilentReporter:
    """Listens to nobody and never interrupts."""

    def event(self, type: str, /, **data: Any) -> None:
        """Ignore the event."""

    def decision(self, subject: str, choice: Any, reason: str, /, **data: Any) -> None:
        """Ignore the decision."""

    def progress(self, done: float, total: float | None, unit: str, /, **data: Any) -> None:
        """Ignore the progress."""

    def check(self) -> None:
        """Never interrupt."""
