"""Where the files that ship with Bakeoff lie: in a checkout, a wheel or a frozen app."""

from __future__ import annotations

import sys
from pathlib import Path

from engine.errors import BakeoffError


class ResourceError(BakeoffError):
    """A file that ships with Bakeoff is not there."""

    title = "The installation is incomplete"


def resource(*parts: str) -> Path:
    """Path of a shipped file or folder, for example ``resource("judge", "pairwise.txt")``.

    Raises:
        ResourceError: It is not part of this installation.
    """
    for root in _roots():
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise ResourceError(
        "resource.missing",
        "The installation lacks the file {file}.",
        fix="Install Bakeoff again.",
        file="/".join(("resources", *parts)),
    )


def _roots() -> list[Path]:
    package = Path(__file__).resolve().parent
    roots = [package.parent / "resources", package / "_resources"]
    frozen = getattr(sys, "_MEIPASS", None)
    if frozen is not None:
        roots.insert(0, Path(frozen) / "resources")
    return roots
