"""What every view-model is given: the workspace, threads to read it in, and the news of what changes there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject

from desktop.background import Background
from desktop.feed import Feed
from desktop.problem import Problem
from engine.jobs.client import JobClient
from engine.workspace import Workspace
from engine.workspace.settings import settings_of


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

    def usual_quantisation(
        self, owner: QObject, done: Callable[[str], None], failed: Callable[[Problem], None]
    ) -> None:
        """Tell in which quantisation files are written unless another one is asked for.

        Args:
            owner: Who wants to know; nobody is told once it is gone.
            done: Gets its name.
            failed: Gets the reason where the settings cannot be read.
        """
        self.background.run(owner, lambda: settings_of(self.workspace).quantisation, done, failed)
