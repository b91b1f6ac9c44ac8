"""Sizes, times and counts in the window's words. Knows no Qt."""

from __future__ import annotations

import time
from typing import Any

from desktop.language import filled, numeral, tr
from engine.errors import Words

#: States of jobs, as the window calls them, and the tone of each.
_STATES = {
    "queued": ("Waiting", ""),
    "running": ("Running", "info"),
    "paused": ("Paused", "warn"),
    "stopped": ("Stopped", ""),
    "failed": ("Failed", "bad"),
    "done": ("Done", "good"),
    "interrupted": ("Interrupted", "warn"),
}


def state_words(state: str) -> tuple[str, Any]:
    """A job's state and its tone."""
    text, tone = _STATES.get(state, (state, ""))
    return tr(text), tone


def told(text: str) -> str:
    """A text of the engine in the window's language, where the engine has kept its template."""
    return text.told(tr, filled) if isinstance(text, Words) else tr(text)


def split_words(split: str) -> str:
    """What a split is for."""
    return {"train": tr("training"), "dev": tr("choosing"), "test": tr("ranking")}.get(split, split)


def duration(seconds: float) -> str:
    """A time span, in the two largest units."""
    whole = max(0, round(seconds))
    if whole < 60:
        return tr("{seconds} s", seconds=whole)
    if whole < 3600:
        return tr("{minutes} min", minutes=round(whole / 60))
    hours, minutes = divmod(round(whole / 60), 60)
    if hours < 48:
        return (
            tr("{hours} h {minutes} min", hours=hours, minutes=minutes)
            if minutes
            else tr("{hours} h", hours=hours)
        )
    return tr("{days} days", days=round(hours / 24))


def size(number: float) -> str:
    """Bytes, in the unit in which disks are sold."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= factor:
            share = number / factor
            return f"{numeral(share, '.1f' if share < 100 and unit != 'kB' else '.0f')} {unit}"
    return tr("{count} bytes", count=round(number))


def moment(seconds: float) -> str:
    """A moment: the time of today, else the day."""
    now, then = time.localtime(), time.localtime(seconds)
    if (now.tm_year, now.tm_yday) == (then.tm_year, then.tm_yday):
        return time.strftime("%H:%M", then)
    month = tr("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec").split()[then.tm_mon - 1]
    if now.tm_year == then.tm_year:
        return tr("{day} {month}", day=then.tm_mday, month=month)
    return tr("{day} {month} {year}", day=then.tm_mday, month=month, year=then.tm_year)


def count(number: int, one: str, many: str) -> str:
    """A count with its noun: ``one`` and ``many`` are translated texts with ``{count}``."""
    return (one if number == 1 else many).format(count=numeral(number))


def progress_words(progress: dict[str, Any]) -> str:
    """How far a job is, for example "174 of 459 steps"."""
    done, total, unit = progress.get("done"), progress.get("total"), str(progress.get("unit") or "")
    if done is None:
        return ""
    if unit == "bytes":
        return tr("{done} of {total}", done=size(done), total=size(total)) if total else size(done)
    if total and unit == "planned seconds":  # of a study: what its plan expected, which a clock does not show
        return tr("{share} is done", share=numeral(done / total, ".0%"))
    if total:
        return tr(
            "{done} of {total} {unit}",
            done=numeral(done, ",.0f"),
            total=numeral(total, ",.0f"),
            unit=tr(unit),
        ).strip()
    return f"{numeral(done, ',.0f')} {tr(unit)}".strip()
