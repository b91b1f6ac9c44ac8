"""What answers and verdicts of paid models have cost."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from engine.workspace import Workspace
from engine.workspace.tables import ApiOutput, Verdict


def spent_since(workspace: Workspace, moment: datetime) -> float:
    """USD for answers of endpoints and for verdicts from a moment on; conversations are not among them.

    Args:
        workspace: Whose.
        moment: In UTC, without a zone, as the catalogue keeps it.
    """
    with workspace.catalogue.reading() as session:
        return sum(
            float(session.scalar(select(func.sum(table.cost_usd)).where(table.created_at >= moment)) or 0.0)
            for table in (ApiOutput, Verdict)
        )
