"""How full this machine's memory is, and what was spent today. QtCore only."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import psutil
from PySide6.QtCore import QObject, QTimer, Slot

from desktop.services import Services
from desktop.view_model import ViewModel
from engine.models.gpu_now import gpu_now

#: Milliseconds between two readings.
_EVERY: Final = 5_000


@dataclass(frozen=True)
class Vitals:
    """A moment of this machine.

    Attributes:
        gpu: Name of the GPU whose memory this is; empty: it is the machine's own.
        used: Bytes of memory that are taken, and ``memory`` all of them; 0 while nobody has looked.
        spent: USD for answers and verdicts since midnight.
    """

    gpu: str = ""
    used: int = 0
    memory: int = 0
    spent: float = 0.0


class VitalsModel(ViewModel[Vitals]):
    """Looks every few seconds; at what was spent only when the catalogue has changed, or the day.

    Args:
        services: See `Services`.
        seen: Whether anybody can see it; nothing is read otherwise.
    """

    def __init__(
        self, services: Services, seen: Callable[[], bool] = lambda: True, parent: QObject | None = None
    ) -> None:
        super().__init__(services, Vitals(), parent)
        self._seen = seen
        self._timer = QTimer(self, interval=_EVERY)
        self._timer.timeout.connect(self._look)
        self._summed: tuple[datetime, float] | None = None
        #: How often the catalogue has changed, by now and when the last reading began.
        self._changes, self._read_at = 0, 0
        #: Of the day of the last reading.
        self._day = _midnight()

    def show(self) -> None:
        """See `ViewModel`."""
        if not self.shown:
            # Not at each change: a judge at work makes many a second.
            self.services.feed.catalogue_changed.connect(self._forget)
            self._shown = True
            self._timer.start()
            self.refresh()

    def hide(self) -> None:
        """See `ViewModel`."""
        if self.shown:
            self.services.feed.catalogue_changed.disconnect(self._forget)
            self._shown = False
            self._timer.stop()

    def read(self) -> Callable[[], Vitals]:
        """See `ViewModel`."""
        workspace, summed, midnight = self.services.workspace, self._summed, _midnight()
        self._read_at, self._day = self._changes, midnight

        def read() -> Vitals:
            from engine.judging.spending import spent_since

            known = summed is not None and summed[0] == midnight
            spent = summed[1] if known and summed is not None else spent_since(workspace, midnight)
            gpu, memory = gpu_now(), psutil.virtual_memory()
            if gpu is not None:
                return Vitals(gpu.name, gpu.used, gpu.memory, spent)
            return Vitals("", memory.total - memory.available, memory.total, spent)

        return read

    def use(self, state: Vitals) -> None:
        """See `ViewModel`."""
        self._summed = (self._day, state.spent) if self._read_at == self._changes else None
        super().use(state)

    @Slot()
    def _look(self) -> None:
        if self._seen():
            self.refresh()

    @Slot()
    def _forget(self) -> None:
        self._summed = None
        self._changes += 1


def _midnight() -> datetime:
    """The beginning of this day here, in UTC without a zone."""
    today = time.localtime(time.time())
    begin = time.mktime((today.tm_year, today.tm_mon, today.tm_mday, 0, 0, 0, 0, 0, -1))
    return datetime.fromtimestamp(begin, UTC).replace(tzinfo=None)
