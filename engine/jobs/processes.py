"""Starting child processes that die with their parent."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

_PR_SET_PDEATHSIG: Final = 1


def spawn_module(
    module: str, *arguments: str, log: Path, environment: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start ``python -m module arguments`` in a session of its own, its output appended to ``log``.

    The child is spawned, never forked without exec: it inherits no lock and no connection. It finds no modules in the
    folder of its log, which is a workspace with folders such as `datasets`.
    """
    options: dict[str, Any] = {}
    if sys.platform == "win32":
        options["creationflags"] = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    else:
        options["start_new_session"] = True
    with log.open("ab") as stream:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
            cwd=log.parent,
            **options,
        )


def die_with_parent(parent: int) -> None:
    """Ask the system to kill this process when process ``parent``, which started it, ends.

    On Windows the parent puts its children into a Job Object instead (`JobObject`).
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if sys.platform != "win32" and os.getppid() != parent:
        os._exit(1)  # it ended before we could ask


class JobObject:
    """On Windows, a group of processes that ends when this object's owner ends; elsewhere nothing."""

    def __init__(self) -> None:
        self._handle: int | None = None
        if sys.platform == "win32":
            self._handle = _create_job_object()

    def add(self, process: subprocess.Popen[bytes]) -> None:
        """Put a child into the group."""
        if sys.platform == "win32" and self._handle:
            kernel = ctypes.WinDLL("kernel32", use_last_error=True)
            kernel.AssignProcessToJobObject(
                ctypes.c_void_p(self._handle), ctypes.c_void_p(int(process._handle))
            )


if sys.platform == "win32":

    class _BasicLimits(ctypes.Structure):
        _fields_ = (
            ("PerProcessUserTimeLimit", ctypes.c_int64),
            ("PerJobUserTimeLimit", ctypes.c_int64),
            ("LimitFlags", ctypes.c_uint32),
            ("MinimumWorkingSetSize", ctypes.c_size_t),
            ("MaximumWorkingSetSize", ctypes.c_size_t),
            ("ActiveProcessLimit", ctypes.c_uint32),
            ("Affinity", ctypes.c_size_t),
            ("PriorityClass", ctypes.c_uint32),
            ("SchedulingClass", ctypes.c_uint32),
        )

    class _ExtendedLimits(ctypes.Structure):
        _fields_ = (
            ("BasicLimitInformation", _BasicLimits),
            ("IoInfo", ctypes.c_uint64 * 6),
            ("ProcessMemoryLimit", ctypes.c_size_t),
            ("JobMemoryLimit", ctypes.c_size_t),
            ("PeakProcessMemoryUsed", ctypes.c_size_t),
            ("PeakJobMemoryUsed", ctypes.c_size_t),
        )

    def _create_job_object() -> int:
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel.CreateJobObjectW.restype = ctypes.c_void_p
        handle = kernel.CreateJobObjectW(None, None)
        limits = _ExtendedLimits()
        limits.BasicLimitInformation.LimitFlags = 0x2000  # JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
        kernel.SetInformationJobObject(
            ctypes.c_void_p(handle), 9, ctypes.byref(limits), ctypes.sizeof(limits)
        )
        return int(handle)
