"""How long merges took on this machine: noted after each one that tells something, and read for forecasts."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any, Final

import platformdirs

from engine.files import read_json, write_json
from engine.locks import ProcessLock
from engine.models.speed import usable_cores

#: Numbers read and written, below which a merge is over before its pace can be told.
LEAST_WORK: Final = 50_000_000
#: Merges that are kept for each method and number of threads; the last ones count.
_KEPT: Final = 5


def note_pace(
    method: str, threads: int, *, work: int, seconds: float, start: float, file: Path | None = None
) -> None:
    """Remember how long a merge took.

    Args:
        method: Its method.
        threads: Tensors that were computed at a time.
        work: Numbers that were read and written.
        seconds: From the recipe to a model that the catalogue can take.
        start: Seconds before that, in which the worker started.
        file: Where it is noted; by default in the account's own folder for such things, on this machine.
    """
    if work < LEAST_WORK:
        return
    file = file or _file()
    with suppress(OSError), ProcessLock(file.with_suffix(".lock")):
        noted = _noted(file)
        key = _key(method, threads)
        noted[key] = [*noted.get(key, ()), [work, round(seconds, 3), round(start, 3)]][-_KEPT:]
        write_json(file, {"cores": usable_cores(), "merges": noted})


def expected_seconds(method: str, threads: int, work: int, file: Path | None = None) -> float | None:
    """Seconds of a merge, by those of the same method and threads; None: none was measured on this machine.

    Args:
        method: Its method.
        threads: Tensors that are computed at a time.
        work: Numbers that will be read and written.
        file: See `note_pace`.
    """
    merges = _noted(file or _file()).get(_key(method, threads), [])
    if not merges:
        return None
    per_number = sum(seconds for _, seconds, _ in merges) / sum(done for done, _, _ in merges)
    return float(median(start for _, _, start in merges) + work * per_number)


def _noted(file: Path) -> dict[str, list[list[float]]]:
    """What was noted, with as many cores as there are now."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        found: Any = read_json(file)
        if found and found["cores"] == usable_cores():
            return {
                str(key): [[float(number) for number in entry] for entry in entries if len(entry) == 3]
                for key, entries in found["merges"].items()
            }
    return {}


def _key(method: str, threads: int) -> str:
    return f"{method} {threads}"


def _file() -> Path:
    return Path(platformdirs.user_state_dir("bakeoff", appauthor=False)) / "merges.json"
