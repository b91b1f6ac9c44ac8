"""The worker: one fresh process that does one job and ends. Started only by the runner."""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Final

from engine.errors import BakeoffError, Words, reason_of
from engine.files import is_disk_full, write_json
from engine.jobs.context import JobContext, JobInterruptedError, JobResult
from engine.jobs.directory import JobDirectory, JobError
from engine.jobs.events import EventWriter
from engine.jobs.kinds import KINDS
from engine.jobs.processes import die_with_parent
from engine.locks import ProcessLock
from engine.workspace import Workspace, open_workspace
from engine.workspace.network import use_network
from engine.workspace.settings import settings_of

_HEARTBEAT_SECONDS: Final = 2.0


def main() -> None:
    """Do the job whose directory is named on the command line."""
    directory, parent = JobDirectory(Path(sys.argv[1])), int(sys.argv[2])
    die_with_parent(parent)
    lock = ProcessLock(directory.lock)
    if not lock.acquire(timeout=5.0):
        sys.exit("another worker has this job")
    writer = EventWriter(directory.events)
    workspace = open_workspace(directory.path.parent.parent)
    use_network(workspace)
    context = JobContext(directory, workspace, writer)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: context.interrupt("pause"))
    if sys.platform == "win32":
        signal.signal(signal.SIGBREAK, lambda *_: context.interrupt("stop"))
    for left in directory.path.glob(".*.partial"):  # by somebody who was killed while writing
        left.unlink(missing_ok=True)
    directory.change(pid=os.getpid(), heartbeat=time.time())
    _start_heartbeat(directory)
    try:
        work(directory, context)
    finally:
        writer.close()
        lock.release()


def work(directory: JobDirectory, context: JobContext) -> None:
    """Run the job's kind and record how it ended."""
    request = directory.request()
    context.event("job.started", attempt=directory.status().attempt)
    try:
        context.check()
        _require_space(context.workspace)
        run = importlib.import_module(f"{KINDS[request.kind].package}.run").run
        result: JobResult = run(context)
        adoption = result.adoption.model_dump(mode="json")
        write_json(directory.path / "result.json", {"summary": result.summary, "adoption": adoption})
    except JobInterruptedError as interruption:
        state = "paused" if interruption.action == "pause" else "stopped"
        context.event(f"job.{state}")
        directory.change(state=state, ended=time.time(), controls_seen=context.controls_seen)
    except BaseException as error:
        traceback.print_exc()
        failure = describe(error, directory.id).record()
        with suppress(OSError):  # the disk may be full
            context.event("job.failed", error=failure)
        directory.change(
            state="failed", ended=time.time(), error=failure, controls_seen=context.controls_seen
        )
    else:
        context.event("job.done", summary=result.summary)
        directory.change(
            state="done",
            ended=time.time(),
            controls_seen=context.controls_seen,
            progress=context.progress_now,
        )


def _require_space(workspace: Workspace) -> None:
    """Refuse to begin where the disk is nearly full: it would be full in the middle of the work.

    Raises:
        JobError: Less is free than is set for the workspace.
    """
    least, free = settings_of(workspace).least_free_gb, shutil.disk_usage(workspace.root).free / 1e9
    if free < least:
        raise JobError(
            "job.disk_low",
            "Only {free:.1f} GB are free on the disk of the workspace, and a job begins with {least:g} GB at least.",
            fix="Free some space, for example by emptying the trash, or lower the limit in the settings "
            "(least_free_gb); then start it again.",
            free=free,
            least=least,
        )


def describe(error: BaseException, job_id: str) -> BakeoffError:
    """Put any failure of a job into plain words."""
    if isinstance(error, BakeoffError):
        return error
    if isinstance(error, OSError) and is_disk_full(error):
        return JobError(
            "job.disk_full",
            "The disk is full: {reason}.",
            fix="Free some space and give the same command again; nothing that was finished is lost.",
            reason=reason_of(error) if error.strerror else Words("no space left"),
            file=error.filename,
        )
    if (
        isinstance(error, MemoryError)
        or "can't allocate memory" in str(error)
        or type(error).__name__ == "OutOfMemoryError"
    ):
        return JobError(
            "job.out_of_memory",
            "There is not enough memory for this job.",
            fix="Choose a smaller model, a shorter sequence length or a smaller batch.",
        )
    return JobError(
        "job.crashed",
        "The job ended with an unexpected error ({kind}: {reason}).",
        fix="The log has the details: bakeoff job logs {job}",
        job=job_id,
        kind=type(error).__name__,
        reason=str(error).strip().split("\n")[0][:300],
    )


def _start_heartbeat(directory: JobDirectory) -> None:
    def beat() -> None:
        while True:
            time.sleep(_HEARTBEAT_SECONDS)
            try:
                if directory.status().state == "running":
                    directory.change(heartbeat=time.time())
            except (OSError, ValueError):
                continue  # the disk may be full for a while; the lock still says that we live

    threading.Thread(target=beat, name="heartbeat", daemon=True).start()


if __name__ == "__main__":
    main()
