"""The answers to a dataset's prompts, which of them are shown, and what judges said on two of them. No widgets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from desktop.pages.compare.measures import Measures
from desktop.pages.compare.reading import Known, Wish, read_compare
from desktop.pages.compare.state import CompareState
from desktop.services import Services
from desktop.view_model import ViewModel

#: Milliseconds after which a grid that was kept is tried to be read again.
_LATER: Final = 1000
#: Job kinds of this page.
_KINDS: Final = ("generate", "judge")


class CompareModel(ViewModel[CompareState]):
    """Reads grids, filters them, and measures answers little by little."""

    #: Answers were written to a file; carries the file and how many.
    exported = Signal(object, int)

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(services, CompareState(), parent)
        self.measures = Measures(services.background, self)
        self._known = Known()
        self._dataset, self._split, self._judge = "", "test", ""
        self._columns: dict[str, tuple[str, ...]] = {}
        self._x, self._filter, self._search = "", "all", ""
        self._selected, self._against = ("", ""), ""
        self.changed.connect(self._measure)
        self._later = QTimer(self, singleShot=True, interval=_LATER)
        self._later.timeout.connect(self._once_more)

    def show(self) -> None:
        """See `ViewModel`."""
        if not self.shown:
            self.services.feed.jobs_changed.connect(self.refresh)
        super().show()

    def hide(self) -> None:
        """See `ViewModel`."""
        if self.shown:
            self.services.feed.jobs_changed.disconnect(self.refresh)
            self._later.stop()
        super().hide()

    def use(self, state: CompareState) -> None:
        """See `ViewModel`; a grid that was kept although there is more is read again soon."""
        super().use(state)
        if self._known.stale and self.shown:
            self._later.start()

    @Slot()
    def _once_more(self) -> None:
        if self.services.feed.waits:
            self._later.start()
        else:
            self.refresh()

    def read(self) -> Callable[[], CompareState]:
        """See `ViewModel`."""
        workspace, known = self.services.workspace, self._known
        jobs = [job for job in self.services.feed.jobs if job.kind in _KINDS and job.active]
        wish = Wish(
            self._dataset,
            self._split,  # type: ignore[arg-type]
            self._judge,
            self._columns.get(self._dataset),
            self._x,
            self._filter,  # type: ignore[arg-type]
            self._search,
            self._selected,
            self._against,
        )
        return lambda: read_compare(workspace, known, wish, jobs)

    @property
    def chosen(self) -> tuple[str, str]:
        """Prompt and contestant of the cell that was chosen last; the state may still tell another one."""
        return self._selected

    def choose(self, dataset: str = "", split: str = "", judge: str = "") -> None:
        """Show another dataset, another split of it, or what another judge said."""
        if dataset and dataset != self.state.dataset:
            self._selected, self._x, self._against = ("", ""), "", ""
        self._dataset = dataset or self._dataset or self.state.dataset
        self._split = split or self._split
        self._judge = judge or self._judge
        self.refresh()

    def show_columns(self, names: tuple[str, ...]) -> None:
        """Show these contestants, at least one."""
        if names:
            self._dataset = self._dataset or self.state.dataset
            self._columns[self._dataset] = names
            self.refresh()

    def look_at(self, x: str) -> None:
        """Ask where this contestant (by id) loses."""
        self._x = x
        self.refresh()

    def narrow(self, wanted: str) -> None:
        """Show the prompts that a filter leaves."""
        self._filter = wanted
        self.refresh()

    def search(self, words: str) -> None:
        """Show the prompts that hold these words, in themselves or in an answer."""
        self._search = words
        self.refresh()

    def select(self, prompt_id: str, contestant_id: str) -> None:
        """Tell one answer in full."""
        if (prompt_id, contestant_id) != self._selected:
            self._selected = prompt_id, contestant_id
            self.refresh()

    def compare_with(self, name: str) -> None:
        """Compare the answer that is told in full with that of this contestant."""
        self._against = name
        self.refresh()

    def stop(self, job_id: str) -> None:
        """Stop a job; what it has paid for is kept."""
        client = self.services.client
        self.do(lambda: client.ask(client.job(job_id), "stop"))

    def export(self, file: Path) -> None:
        """Write the answers that the filter and the search leave, as CSV or JSONL by the file's ending."""
        state = self.state
        if state.grid is None:
            return
        grid, rows, shown = state.grid, state.rows, state.shown

        def write() -> int:
            from engine.judging.grid_file import write_grid

            return write_grid(grid, file, rows, shown)

        self.do(write, lambda count: self.exported.emit(file, count))

    @Slot()
    def _measure(self) -> None:
        if self.shown and self.state.grid is not None:
            self.measures.take(self.state.grid)
