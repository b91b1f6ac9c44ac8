"""``events.jsonl``: what happened in a job, append-only and numbered, so that each event is seen once."""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any


@dataclass(frozen=True)
class Event:
    """One line of ``events.jsonl``.

    Attributes:
        seq: Counts from 1 over all attempts of the job.
        time: Seconds since the epoch.
        type: Dotted name, for example ``train.step``.
        data: What belongs to it.
    """

    seq: int
    time: float
    type: str
    data: dict[str, Any]


class EventWriter:
    """Appends events. What a killed writer or a power cut left after the last whole one is cut off first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seq = _repair(path)
        self._stream = path.open("ab", buffering=0)
        self._lock = Lock()

    def write(self, type: str, data: dict[str, Any]) -> None:
        """Append one event."""
        with self._lock:
            self._seq += 1
            fields = {"seq": self._seq, "time": round(time.time(), 3), "type": type, "data": data}
            line = json.dumps(fields, ensure_ascii=False, default=str).encode("utf-8") + b"\n"
            start = os.fstat(self._stream.fileno()).st_size
            if self._stream.write(line) < len(line):  # the disk took only a part of it
                self._stream.truncate(start)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


class EventReader:
    """Follows a growing ``events.jsonl``; each event is given once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def new(self) -> Iterator[Event]:
        """The whole events since the last call (a half-written line waits)."""
        try:
            with self._path.open("rb") as stream:
                stream.seek(self._offset)
                content = stream.read()
        except FileNotFoundError:
            return
        whole = content[: content.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            event = _event(line)
            if event is not None:
                yield event


def _event(line: bytes) -> Event | None:
    """The event of a line; None where the line is damaged."""
    try:
        fields = json.loads(line)
        return Event(int(fields["seq"]), fields["time"], fields["type"], fields["data"])
    except (ValueError, TypeError, KeyError):
        return None


def _repair(path: Path) -> int:
    """Cut off what a power cut or a killed writer left after the last event; return its sequence number."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return 0
    end = content.rfind(b"\n") + 1
    last = None
    while end and last is None:
        start = content.rfind(b"\n", 0, end - 1) + 1
        last = _event(content[start:end])
        end = end if last is not None else start
    if end < len(content):
        with path.open("r+b") as stream:
            stream.truncate(end)
    return 0 if last is None else last.seq
