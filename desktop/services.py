"""What every view-model is given: the workspace, threads to read it in, and the news of what changes there."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.background import Background
from desktop.feed import Feed
from engine.jobs.client import JobClient
from engine.workspace import Workspace


@dataclass(frozen=True)
class Services:
    """Shared by all view-models of a window.

    Attributes:
        client: Submits and controls jobs; slow, so it is used in the background.
    """

    workspace: Workspace
    background: Background
    feed: Feed
    client: JobClient
