"""Where a job's worker is started. A local process today; a cluster engine would be another executor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Protocol

from engine.jobs.directory import JobDirectory
from engine.jobs.kinds import KINDS
from engine.jobs.processes import JobObject, spawn_module


class Execution(Protocol):
    """A started worker."""

    pid: int

    def exit_code(self) -> int | None:
        """None while it runs; minus the signal's number when a signal ended it."""

    def kill(self) -> None:
        """End it at once."""


class Executor(Protocol):
    """Starts the worker of a job directory."""

    def start(self, job: JobDirectory) -> Execution:
        """Start it."""


class LocalProcess:
    """A worker that is a child process of this one."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid

    def exit_code(self) -> int | None:
        """See `Execution`."""
        return self._process.poll()

    def kill(self) -> None:
        """See `Execution`."""
        if sys.platform == "win32":
            self._process.send_signal(signal.CTRL_BREAK_EVENT)
        self._process.kill()


class LocalExecutor:
    """Starts workers on this machine."""

    def __init__(self) -> None:
        self._group = JobObject()

    def start(self, job: JobDirectory) -> LocalProcess:
        """See `Executor`."""
        online = KINDS[job.request().kind].online
        environment = {
            "HF_HUB_OFFLINE": "0" if online else "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "TOKENIZERS_PARALLELISM": "false",
            # Threads that wait sleep instead of spinning: on a busy machine spinning was 3 to 4 times slower.
            "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE"),
        }
        process = spawn_module(
            "engine.jobs.worker", str(job.path), str(os.getpid()), log=job.log, environment=environment
        )
        self._group.add(process)
        return LocalProcess(process)
