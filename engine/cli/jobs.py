"""``bakeoff job``: list, show, pause, resume, stop, logs, move."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

from engine.cli.session import Session, duration, progress_text, table
from engine.errors import without_templates

if TYPE_CHECKING:
    from engine.jobs.directory import Action, JobDirectory, Status

Result = tuple[Any, str]

#: Seconds that a command waits to see its wish obeyed.
_PATIENCE = 30.0


def register(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    group = commands.add_parser("job", help="the jobs of the workspace", parents=[everywhere])
    actions = group.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="all jobs, oldest first", parents=[everywhere])
    listing.set_defaults(run=_list)
    for name, run, text in (
        ("show", _show, "how a job stands, and what it decided"),
        ("pause", _pause, "let a job write a checkpoint and make room"),
        ("resume", _resume, "continue a paused, stopped or failed job"),
        ("stop", _stop, "end a job; what it has finished stays"),
        ("finish", _finish, "end a training now, and keep what it has learned as its model"),
        ("logs", _logs, "everything the job's process printed"),
    ):
        action = actions.add_parser(name, help=text, parents=[everywhere])
        action.add_argument("id", metavar="ID", help="the job's id, or an end of it that fits no other")
        action.set_defaults(run=run)
    move = actions.add_parser("move", help="let a waiting job begin earlier or later", parents=[everywhere])
    move.add_argument("id", metavar="ID", help="the job's id, or an end of it that fits no other")
    where = move.add_mutually_exclusive_group(required=True)
    where.add_argument("--before", metavar="ID", help="another waiting job")
    where.add_argument("--last", action="store_true", help="the end of the queue")
    move.set_defaults(run=_move)


def _list(_options: argparse.Namespace, session: Session) -> Result:
    from engine.jobs.directory import all_jobs, job_directories

    documents = [job_document(job) for job in all_jobs(session.workspace.jobs)]
    known = {item["id"] for item in documents}
    others = [job for job in job_directories(session.workspace.jobs) if job.id not in known]
    documents += [document for job in others if (document := _unreadable(job))]
    rows = [[item["id"], item["state"], item["title"], _standing(item)] for item in documents]
    return documents, table(["id", "state", "what", "how far"], rows) if rows else "No jobs yet."


def job_document(job: JobDirectory) -> dict[str, Any]:
    """How a job stands, as JSON."""
    request, status = job.request(), job.status()
    return {
        "id": job.id,
        "kind": request.kind,
        "title": request.title,
        "study": request.study,
        "state": status.state,
        "attempt": status.attempt,
        "progress": status.progress,
        "created": request.created,
        "started": status.started,
        "ended": status.ended,
        "seconds": None if status.seconds is None else round(status.seconds, 1),
        "error": without_templates(status.error),
    }


def _unreadable(job: JobDirectory) -> dict[str, Any] | None:
    """A job that cannot be read, in the list; None where somebody removes it at this moment."""
    from engine.jobs.directory import JobError

    try:
        job.status()
        job.request()
    except JobError as error:
        if not job.path.exists():
            return None
        nothing = dict.fromkeys(("kind", "study", "attempt", "created", "started", "ended", "seconds"))
        told = {"state": "unreadable", "progress": {}, "error": error.as_dict()}
        return {"id": job.id, "title": "", **nothing, **told}
    return None


def _show(options: argparse.Namespace, session: Session) -> Result:
    job = session.client.job(options.id)
    events = list(job.reader().new())
    result = job.result()
    document = job_document(job) | {
        "folder": str(job.path),
        "spec": job.request().spec,
        "alive": job.alive(),
        "events": len(events),
        "decisions": [event.data for event in events if event.type == "decision"],
        "summary": None if result is None else result["summary"],
    }
    lines = [
        f"{document['title']} ({document['kind']})",
        f"id: {job.id}",
        f"state: {document['state']}{_silence(job, job.status(), alive=document['alive'])}",
    ]
    if document["study"]:
        lines.append(f"study: {document['study']}")
    if document["progress"]:
        lines.append(f"progress: {progress_text(document['progress'])}")
    if document["seconds"] is not None:
        lines.append(f"time: {duration(document['seconds'])}, attempt {document['attempt']}")
    lines.append(f"folder: {document['folder']}")
    lines += [
        f"decided: {one['subject']}: {one['choice']} ({one['reason']})" for one in document["decisions"]
    ]
    if document["error"]:
        lines.append(f"error: {document['error']['message']} {document['error']['fix']}".rstrip())
    return document, "\n".join(lines)


def _silence(job: JobDirectory, status: Status, *, alive: bool) -> str:
    """What is odd about a job that is said to run."""
    if status.state != "running":
        return ""
    if not alive:
        return f" (its process is starting or gone; {_who_sees_to_it(job)})"
    quiet = time.time() - (status.heartbeat or time.time())
    return f" (no sign of life for {duration(quiet)})" if quiet > 30 else ""


def _who_sees_to_it(job: JobDirectory) -> str:
    own = job.request().own_runner
    return f"continue it with: bakeoff job resume {job.id}" if own else "the runner does the rest"


def _pause(options: argparse.Namespace, session: Session) -> Result:
    return _ask(options, session, "pause")


def _resume(options: argparse.Namespace, session: Session) -> Result:
    return _ask(options, session, "resume")


def _stop(options: argparse.Namespace, session: Session) -> Result:
    return _ask(options, session, "stop")


def _finish(options: argparse.Namespace, session: Session) -> Result:
    return _ask(options, session, "finish")


def _move(options: argparse.Namespace, session: Session) -> Result:
    from engine.jobs.directory import in_order, job_directories

    client = session.client
    client.move(client.job(options.id), client.job(options.before) if options.before else None)
    queue = in_order(job_directories(session.workspace.jobs), queue=True)
    waiting = [job for job in queue if job.status().state == "queued" and not job.request().own_runner]
    text = table(["id", "what"], [[job.id, job.request().title] for job in waiting])
    return [job_document(job) for job in waiting], text


def _ask(options: argparse.Namespace, session: Session, action: Action) -> Result:
    """Ask for something and wait until it is so, or until waiting longer makes no sense."""
    from engine.jobs.directory import JobError

    job = session.client.job(options.id)
    before = job.status().state
    ended = before in ("done", "stopped", "failed") if action != "resume" else before == "done"
    if ended:
        raise JobError(
            "job.not_possible",
            "The job '{title}' is {state}; there is nothing to {action}.",
            fix="See the jobs with: bakeoff job list",
            title=job.request().title,
            state=before,
            action=action,
        )
    session.client.ask(job, action)
    wishes, deadline = len(job.wishes()), time.monotonic() + _PATIENCE
    while not _obeyed(job.status(), action, wishes) and time.monotonic() < deadline:
        time.sleep(0.1)
    document = job_document(job)
    waiting = "" if _obeyed(job.status(), action, wishes) else f" ({action} is asked for)"
    return document, f"{document['title']}: {document['state']}{waiting}."


def _obeyed(status: Status, action: Action, wishes: int) -> bool:
    if status.controls_seen < wishes and status.state in ("paused", "stopped", "failed"):
        return False  # the runner has not looked yet
    if action == "resume":
        return status.state in ("queued", "running", "done")
    if action == "finish":
        return status.state in ("done", "stopped", "failed")
    return status.state not in ("queued", "running")


def _logs(options: argparse.Namespace, session: Session) -> Result:
    job = session.client.job(options.id)
    try:
        text = job.log.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        text = ""
    return {"id": job.id, "file": str(job.log), "log": text}, text.rstrip("\n")


def _standing(item: dict[str, Any]) -> str:
    """One phrase: how far, or why not."""
    if item["error"]:
        return str(item["error"]["message"])
    if item["state"] == "done":
        return "" if item["seconds"] is None else f"took {duration(item['seconds'])}"
    return progress_text(item["progress"]) if item["progress"] else ""
