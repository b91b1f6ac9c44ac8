"""A ceiling in USD that concurrent, repeated and interrupted calls cannot pass."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from threading import Condition
from typing import Any

from engine.errors import BakeoffError


class BudgetReachedError(BakeoffError):
    """The next call could pass the budget."""

    title = "The budget is reached"


@dataclass
class Reservation:
    """Money set aside for one call that is about to be sent."""

    number: int
    usd: float


class Budget:
    """Sets aside the most a call can cost before it is sent, and books what it did cost afterwards.

    Without a limit it only keeps the books. Safe to use from several threads.

    Args:
        limit_usd: The ceiling; None for none.
        journal: A file in which every reservation and booking is noted before it counts. A process that
            was killed leaves its open reservations there; the next one books them in full, because the
            calls may have been answered and paid.

    Raises:
        BudgetReachedError: ``limit_usd`` is negative.
    """

    def __init__(self, limit_usd: float | None = None, *, journal: Path | None = None) -> None:
        if limit_usd is not None and not limit_usd >= 0:
            raise BudgetReachedError("budget.negative", "A budget must be a number of USD from 0 up.")
        self.limit_usd = limit_usd
        self._spent = 0.0
        self._reserved: dict[int, float] = {}
        self._next = 0
        #: What an earlier process left open, by its number: booked in full.
        self._lost: dict[int, float] = {}
        self._changed = Condition()
        self._journal = journal
        if journal is not None:
            self._recover(journal)

    @property
    def spent_usd(self) -> float:
        """USD booked so far, earlier processes of the same journal included."""
        with self._changed:
            return self._spent

    @property
    def free_usd(self) -> float:
        """USD that are neither spent nor set aside; infinite without a limit."""
        with self._changed:
            if self.limit_usd is None:
                return math.inf
            return max(0.0, self.limit_usd - self._spent - sum(self._reserved.values()))

    def allow(self, limit_usd: float) -> None:
        """Change the ceiling; calls that wait for money look again.

        Raises:
            BudgetReachedError: It is negative, or no number.
        """
        if not limit_usd >= 0:
            raise BudgetReachedError("budget.negative", "A budget must be a number of USD from 0 up.")
        with self._changed:
            self.limit_usd = limit_usd
            self._changed.notify_all()

    def reserve(self, usd: float) -> Reservation:
        """Set aside ``usd`` for a call; waits while money that other calls hold could still be enough.

        Raises:
            BudgetReachedError: It is not enough even when no other call holds any.
        """
        with self._changed:
            while (
                self.limit_usd is not None
                and self._spent + sum(self._reserved.values()) + usd > self.limit_usd
            ):
                if not self._reserved:
                    raise BudgetReachedError(
                        "budget.reached",
                        "The budget of {limit:.4f} USD is reached: {spent:.4f} USD are spent and the next "
                        "call could cost up to {next:.4f} USD.",
                        fix="Continue with a larger budget; what is paid for is kept and not asked again.",
                        limit=self.limit_usd,
                        spent=self._spent,
                        next=usd,
                    )
                self._changed.wait()
            self._next += 1
            self._note({"reserve": self._next, "usd": usd})
            self._reserved[self._next] = usd
            return Reservation(self._next, usd)

    def settle(self, reservation: Reservation, usd: float) -> None:
        """Book what the call cost and free the rest."""
        with self._changed:
            self._note({"settle": reservation.number, "usd": usd})
            del self._reserved[reservation.number]
            self._spent += usd
            self._changed.notify_all()

    def found(self, number: int, usd: float) -> None:
        """Book what a call did cost that an earlier process left open, and that was booked in full since.

        Nothing happens where its cost is known already.
        """
        with self._changed:
            booked = self._lost.pop(number, None)
            if booked is not None:
                self._note({"settle": number, "usd": usd - booked, "found": True})
                self._spent += usd - booked
                self._changed.notify_all()

    def _note(self, entry: dict[str, Any]) -> None:
        if self._journal is None:
            return
        with self._journal.open("ab") as stream:
            stream.write(json.dumps(entry).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())

    def _recover(self, journal: Path) -> None:
        open_reservations: dict[int, float] = {}
        try:
            content = journal.read_bytes()
        except FileNotFoundError:
            return
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            # A line cut by the kill was never acted on: the call is sent only after the line is whole.
            with journal.open("r+b") as stream:
                stream.truncate(len(whole))
        for line in whole.splitlines():
            entry = json.loads(line)
            if "reserve" in entry:
                open_reservations[entry["reserve"]] = entry["usd"]
                self._next = entry["reserve"]
            else:
                open_reservations.pop(entry["settle"], None)
                self._spent += entry["usd"]
                if entry.get("lost"):
                    self._lost[entry["settle"]] = entry["usd"]
                elif entry.get("found"):
                    self._lost.pop(entry["settle"], None)
        for number, usd in open_reservations.items():
            self._note({"settle": number, "usd": usd, "lost": True})
            self._spent += usd
            self._lost[number] = usd


def booked_usd(journal: Path) -> float:
    """USD that a journal accounts for; calls that are not settled count with the most they can cost."""
    try:
        content = journal.read_bytes()
    except FileNotFoundError:
        return 0.0
    booked, reserved = 0.0, dict[int, float]()
    for line in content[: content.rfind(b"\n") + 1].splitlines():
        entry = json.loads(line)
        if "reserve" in entry:
            reserved[entry["reserve"]] = entry["usd"]
        else:
            reserved.pop(entry["settle"], None)
            booked += entry["usd"]
    return booked + sum(reserved.values())
