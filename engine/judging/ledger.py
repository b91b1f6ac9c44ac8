"""The ledger of verdicts in the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Final

from sqlalchemy import select

from engine.judging.verdicts import Verdict
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
            session.add_all(
                VerdictRow(
                    **asdict(verdict), dataset_id=self.dataset_id, split=self.split, job_id=self.job_id
                )
                for verdict in verdicts
            )

    def all(self, judge: str | None = None) -> list[Verdict]:
        """Every verdict of this dataset and split, oldest first; of one judge when it is named."""
        query = select(VerdictRow).where(
            VerdictRow.dataset_id == self.dataset_id, VerdictRow.split == self.split
        )
        if judge is not None:
            query = query.where(VerdictRow.judge == judge)
        with self.catalogue.reading() as session:
            return [_verdict(row) for row in session.scalars(query.order_by(VerdictRow.id))]


def _verdict(row: VerdictRow) -> Verdict:
    return Verdict(**{name: getattr(row, name) for name in _FIELDS})
