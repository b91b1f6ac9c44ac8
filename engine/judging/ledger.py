"""The ledger of verdicts in the catalogue."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Final

from sqlalchemy import Select, delete, func, or_, select

from engine.judging.verdicts import IDENTICAL, Verdict
from engine.workspace.catalogue import Catalogue
from engine.workspace.tables import Verdict as VerdictRow

_FIELDS: Final = tuple(item.name for item in fields(Verdict))


@dataclass(frozen=True)
class CatalogueLedger:
    """Verdicts on one split of one dataset, committed by `add` before it returns.

    Attributes:
        catalogue: The workspace's catalogue.
        dataset_id: Whose prompts are judged.
        split: ``dev`` or ``test``.
        job_id: The job that judges, None outside of one.
    """

    catalogue: Catalogue
    dataset_id: str
    split: str
    job_id: str | None = None

    def find(self, key: str) -> list[Verdict]:
        """All verdicts of this dataset and split with ``key``, oldest first."""
        query = select(VerdictRow).where(VerdictRow.key == key).order_by(VerdictRow.id)
        with self.catalogue.reading() as session:
            rows = [row for row in session.scalars(query) if row.dataset_id == self.dataset_id]
            return [_verdict(row) for row in rows if row.split == self.split]

    def add(self, verdicts: Sequence[Verdict]) -> None:
        """Commit verdicts in one transaction."""
        with self.catalogue.writing() as session:
            session.add_all(self._row(verdict) for verdict in verdicts)

    def revise(self, judge: str, gone: Collection[str], verdicts: Sequence[Verdict] = ()) -> None:
        """Remove what ``judge`` said on the questions with the keys ``gone``, and add verdicts, in one transaction.

        Only people change their minds.
        """
        with self.catalogue.writing() as session:
            session.execute(
                delete(VerdictRow).where(
                    VerdictRow.dataset_id == self.dataset_id,
                    VerdictRow.split == self.split,
                    VerdictRow.judge == judge,
                    VerdictRow.key.in_(gone),
                )
            )
            session.add_all(self._row(verdict) for verdict in verdicts)

    def asked(self) -> list[Verdict]:
        """What earlier processes of this job asked a judge, oldest first; each question once.

        What they took over from other jobs, or from the same question under another pair, is no part of it;
        nor is a failure that cost nothing, such as that of an endpoint that was down: it is asked again.
        """
        of_job = VerdictRow.job_id == self.job_id
        usable_elsewhere = self._rows().where(
            or_(VerdictRow.job_id.is_(None), ~of_job), VerdictRow.state == "ok"
        )
        with self.catalogue.reading() as session:
            asked: dict[str, VerdictRow] = {}
            for row in session.scalars(self._rows().where(of_job).order_by(VerdictRow.id)):
                if row.explanation != IDENTICAL and (row.state == "ok" or row.cost_usd > 0):
                    asked.setdefault(row.key, row)
            if not asked:
                return []
            first_of = usable_elsewhere.with_only_columns(VerdictRow.key, func.min(VerdictRow.id))
            known = dict(session.execute(first_of.group_by(VerdictRow.key)).all())
            return [_verdict(row) for key, row in asked.items() if row.id < known.get(key, row.id + 1)]

    def all(self, judge: str | None = None) -> list[Verdict]:
        """Every verdict of this dataset and split, oldest first; of one judge when it is named."""
        query = self._rows()
        if judge is not None:
            query = query.where(VerdictRow.judge == judge)
        with self.catalogue.reading() as session:
            return [_verdict(row) for row in session.scalars(query.order_by(VerdictRow.id))]

    def _row(self, verdict: Verdict) -> VerdictRow:
        return VerdictRow(**asdict(verdict), dataset_id=self.dataset_id, split=self.split, job_id=self.job_id)

    def _rows(self) -> Select[VerdictRow]:
        return select(VerdictRow).where(
            VerdictRow.dataset_id == self.dataset_id, VerdictRow.split == self.split
        )


def _verdict(row: VerdictRow) -> Verdict:
    return Verdict(**{name: getattr(row, name) for name in _FIELDS})
