"""Who is to answer and to be judged, what that will take, and starting it. No widgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from desktop.pages.compare.planning import (
    Draft,
    JudgingState,
    generate_spec,
    judge_spec,
    read_judging,
    usual_limit,
)
from desktop.pages.compare.view_model import CompareModel
from desktop.services import Services
from desktop.view_model import ViewModel
from engine.errors import Words

if TYPE_CHECKING:
    from engine.datasets.options import Split


class JudgingModel(ViewModel[JudgingState]):
    """Plans answers and judging on one split of a dataset, and starts them as jobs."""

    #: A job has been started; carries its id.
    started = Signal(str)

    def __init__(
        self,
        services: Services,
        compare: CompareModel,
        dataset: str,
        split: Split,
        names: tuple[str, ...],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(services, JudgingState(), parent)
        self.dataset, self.split = dataset, split
        self.draft = Draft(names=names, limit=usual_limit(compare.state.grid))
        self._compare = compare
        self._job = ""
        self._plans: dict[Any, Any] = {}
        compare.changed.connect(self._compare_changed)

    def read(self) -> Callable[[], JudgingState]:
        """See `ViewModel`."""
        workspace, draft, plans = self.services.workspace, self.draft, self._plans
        dataset, split, job = self.dataset, self.split, self._job
        state = self._compare.state
        grid = state.grid if state.dataset == dataset and state.split == split else None
        work = state.work
        return lambda: read_judging(workspace, dataset, split, draft, grid, work, job, plans)

    def change(self, **changes: Any) -> None:
        """Something else is typed."""
        fresh = replace(self.draft, **changes)
        if fresh != self.draft:
            self.draft = fresh
            self.refresh()

    def take_part(self, name: str, yes: bool) -> None:
        """Let somebody take part, or not."""
        names = [one for one in self.draft.names if one != name]
        self.change(names=(*names, name) if yes else tuple(names))

    def add(self, name: str) -> None:
        """Let somebody take part who has not answered yet, once it is known who that is."""
        name = name.strip()
        if not name:
            return
        workspace = self.services.workspace

        def look() -> str:
            from engine.inference.contestants import parse

            return parse(workspace, name).name

        def done(found: str) -> None:
            added = tuple(dict.fromkeys((*self.draft.added, found)))
            self.draft = replace(
                self.draft, added=added, names=tuple(dict.fromkeys((*self.draft.names, found)))
            )

        self.do(look, done)

    def generate(self) -> None:
        """Let those who take part answer what they have not answered."""
        workspace, client = self.services.workspace, self.services.client
        draft, missing = self.draft, self._missing()

        def start() -> str:
            from engine.exporting.spec import ExportSpec
            from engine.inference.starting import require_answerable

            spec = generate_spec(self.dataset, self.split, draft, missing)
            begin = require_answerable(workspace, spec)
            # They run before it: jobs that need the processor or the GPU run one after another.
            for name, quantisation in begin.exports:
                client.begin(
                    "export",
                    ExportSpec(model=name, quantisation=quantisation),
                    Words("Export {model} as {form}", model=name, form=quantisation),
                )
            return client.begin(
                "generate", spec, begin.title, lane=begin.lane, own_runner=begin.own_runner
            ).id

        self.do(start, self._has_started)

    def judge(self) -> None:
        """Start judging."""
        workspace, client, draft = self.services.workspace, self.services.client, self.draft

        def start() -> str:
            from engine.judging.starting import require_judgeable

            spec = judge_spec(self.dataset, self.split, draft)
            begin = require_judgeable(workspace, spec)
            return client.begin("judge", spec, begin.title, lane=begin.lane, own_runner=begin.own_runner).id

        self.do(start, self._has_started)

    def stop(self, job_id: str) -> None:
        """Stop a job; what it has paid for is kept."""
        self._compare.stop(job_id)

    def _missing(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.state.candidates if one.taking_part and one.missing)

    def _has_started(self, job_id: str) -> None:
        self._job = job_id
        self.started.emit(job_id)

    def _compare_changed(self) -> None:
        if self.shown:
            self.refresh()
