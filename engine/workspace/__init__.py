"""The folder a user opens: paths, the catalogue (SQLite), adoption of finished jobs, secrets."""

from engine.workspace.folder import Workspace, open_workspace

__all__ = ["Workspace", "open_workspace"]
