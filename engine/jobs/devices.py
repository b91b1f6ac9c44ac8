"""One lock per accelerator for the whole user account, so that two workspaces never share a GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from engine.errors import Words
from engine.locks import ProcessLock
from engine.progress import Reporter

#: Seconds between two looks at whether somebody wants to interrupt the waiting.
_LOOK_EVERY: Final = 0.5

#: Held until this process ends; a worker computes on one device and then exits.
_HELD: dict[str, ProcessLock] = {}


def hold_device(name: str, reporter: Reporter, folder: Path | None = None) -> None:
    """Take the lock of a device for as long as this process lives, waiting for whoever has it.

    Args:
        name: The device, for example ``cuda:0``.
        reporter: Told when there is somebody to wait for; may interrupt the waiting.
        folder: Where the locks are; by default the account's own folder for such things.
    """
    if name in _HELD:
        return
    lock = ProcessLock(lock_file(name, folder))
    told = False
    while not lock.acquire(timeout=_LOOK_EVERY):
        if not told:
            told = True
            reporter.event(
                "warning", message=Words("Waiting for {name}, which another workspace is using.", name=name)
            )
        reporter.check()
    _HELD[name] = lock


def lock_file(name: str, folder: Path | None = None) -> Path:
    """The lock file of a device."""
    if folder is None:
        import platformdirs

        folder = Path(platformdirs.user_state_dir("bakeoff", appauthor=False)) / "devices"
    return folder / f"{name.replace(':', '-')}.lock"
