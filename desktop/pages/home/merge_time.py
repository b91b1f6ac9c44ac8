"""How long it takes to merge what is there. Knows no Qt."""

from __future__ import annotations

import os

from engine.workspace import Workspace


def merge_seconds(workspace: Workspace, pair: tuple[str, ...]) -> float | None:
    """How long it takes to merge two models as the Merge page offers it first."""
    if not pair:
        return None
    from engine.merging import check
    from engine.merging.forecast import forecast
    from engine.merging.presets import preset
    from engine.merging.spec import MergeSpec
    from engine.merging.workspace_models import workspace_resolver

    plan = check(preset("slerp", list(pair), pair[0]), resolve=workspace_resolver(workspace)).plan
    if plan is None:
        return None
    threads = min(MergeSpec.model_fields["threads"].default, os.cpu_count() or 1)
    return forecast(plan, workspace.models, threads).seconds
