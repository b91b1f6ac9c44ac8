"""``bakeoff study``: run, status, report."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from engine.cli.session import Session, duration, progress_text, table
from engine.errors import BakeoffError, without_templates

Result = tuple[Any, str]


def register(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    group = commands.add_parser("study", help="the whole loop from one file", parents=[everywhere])
    actions = group.add_subparsers(metavar="ACTION", required=True)

    run = actions.add_parser("run", help="run a study, or go on with it", parents=[everywhere])
    run.add_argument("file", metavar="STUDY.yml")
    run.add_argument(
        "--budget-usd", type=float, metavar="X", help="ceiling of the whole study, instead of the file's"
    )
    run.add_argument("--dry-run", action="store_true", help="show jobs, time and cost")
    run.add_argument("--detach", action="store_true", help="return at once")
    run.set_defaults(run=_run)

    status = actions.add_parser("status", help="how a study stands", parents=[everywhere])
    status.add_argument("name", metavar="NAME")
    status.set_defaults(run=_status)

    opened = actions.add_parser(
        "open",
        help="open the sealed task that a study has left closed (opening: by_hand); there is no way back",
        parents=[everywhere],
    )
    opened.add_argument("name", metavar="NAME")
    opened.add_argument("--detach", action="store_true", help="return at once")
    opened.set_defaults(run=_open)

    report = actions.add_parser("report", help="write a finished study's report", parents=[everywhere])
    report.add_argument("name", metavar="NAME")
    report.add_argument("--out", metavar="DIR", help="where to (default: the workspace's reports)")
    report.set_defaults(run=_report)


def _run(options: argparse.Namespace, session: Session) -> Result:
    from engine.studies.reading import load_study

    spec = load_study(Path(options.file))
    if options.budget_usd is not None:
        spec = spec.with_budget(options.budget_usd)
    if options.dry_run:
        return show_plan(spec, session)
    return run_study(spec, session, detach=options.detach)


def show_plan(spec: Any, session: Session) -> Result:
    """Plan and cost a study."""
    from engine.studies.plan import plan_study
    from engine.studies.preparing import require_bases

    require_bases(spec, session.workspace)
    plan = plan_study(spec.study, session.workspace)
    document = plan.as_dict()
    rows = [
        [job["phase"], job["title"], f"{job['seconds']:,.0f}", f"{job['usd']:.2f}" if job["usd"] else ""]
        for job in document["jobs"]
    ]
    lines = [table(["phase", "job", "seconds", "USD"], rows), "", plan_sentence(document)]
    return document, "\n".join([*lines, *(f"Note: {note}" for note in document["notes"])])


def plan_sentence(document: dict[str, Any]) -> str:
    """The plan in one sentence."""
    cost = f", about {document['usd']:.2f} USD" if document["usd"] else ", nothing to pay"
    gpu = document["gpu_seconds"]
    beside = f" (about {duration(gpu)} on a 24-GB GPU, by assumption)" if document["seconds"] > 7200 else ""
    return (
        f"{document['study']}: {len(document['jobs'])} jobs, {document['runs']} of them fine-tunes, "
        f"{document['comparisons']:,} comparisons, "
        f"about {duration(document['seconds'])} on this machine{beside}{cost}."
    )


def run_study(spec: Any, session: Session, *, detach: bool = False) -> Result:
    """Save the study, run it as a job, and show what happens."""
    from engine.studies.starting import require_startable, start_study

    require_startable(spec, session.workspace)
    document, _ = show_plan(spec, session)
    session.say(plan_sentence(document))
    for note in document["notes"]:
        session.say(f"Note: {note}")
    job = start_study(session.workspace, session.client, spec)
    if job.status().state == "done":
        session.say("This study is finished; here is its result.")
    return _follow(job, session, detach=detach)


def _follow(job: Any, session: Session, *, detach: bool) -> Result:
    """Show what happens in a study until it has its result."""
    if detach:
        return {"job": job.id, "state": job.status().state}, job.id
    from engine.studies.result import StudyResult
    from engine.studies.text import summary_text

    watcher = _Watcher(session)
    with session.client.parking([job]):
        summary = session.client.wait(job, watcher.show)
    result = StudyResult.model_validate(summary)
    report = session.workspace.absolute(result.report)
    return summary, f"{summary_text(result)}\n\nReport: {report}"


def _open(options: argparse.Namespace, session: Session) -> Result:
    from engine.studies.opening import open_by_hand

    job = open_by_hand(session.workspace, session.client, options.name)
    return _follow(job, session, detach=options.detach)


class _Watcher:
    """Shows a study's events as lines."""

    def __init__(self, session: Session) -> None:
        self._session = session
        #: Titles of the steps that are at work; what is still told about others is late.
        self._at_work: set[str] = set()

    def show(self, job: Any, event: Any) -> None:
        """One event, or the progress between events."""
        if event is None:
            progress = job.status().progress
            inner = progress.get("step") or {}
            if inner and progress.get("current") in self._at_work:
                self._session.show_text(job.id, f"  {progress.get('current', '')}: {progress_text(inner)}")
            return
        data = event.data
        if event.type == "study.phase":
            self._session.say(f"== {data['phase']}")
        elif event.type == "study.step":
            self._at_work.add(data["title"])
            self._session.say(f"-> {data['title']}")
        elif event.type == "study.step_done":
            self._at_work.discard(data["title"])
            self._session.say(f"   {data['title']}: done in {duration(data['seconds'])}")
        elif event.type == "study.choice":
            self._session.say(f"   {data['sentence']}")
        elif event.type == "study.seal_opened":
            self._session.say(f"   The seal of {data['dataset']} is opened.")
        elif event.type == "warning":
            self._session.say(f"   Warning: {data.get('message', '')}")
        elif event.type == "job.worker_lost":
            self._session.say(f"   A worker ended ({data['cause']}); it is started again.")


def _status(options: argparse.Namespace, session: Session) -> Result:
    from engine.jobs.directory import all_jobs
    from engine.workspace.naming import study_named

    with session.workspace.catalogue.reading() as rows:
        row = study_named(rows, options.name)
    job = session.client.job(row.job_id)
    status = job.status()
    jobs = [
        {"job": each.id, "title": each.request().title, "state": each.status().state}
        for each in all_jobs(session.workspace.jobs)
        if each.request().study == options.name and each.id != job.id
    ]
    document = {
        "study": options.name,
        "state": status.state,
        "progress": status.progress,
        "error": without_templates(status.error),
        "jobs": jobs,
        "winner": row.result.get("winner"),
    }
    done = sum(each["state"] == "done" for each in jobs)
    lines = [f"{options.name}: {status.state}, {done} of {len(jobs)} jobs so far are done."]
    if status.error:
        lines.append(f"{status.error['message']} {status.error['fix']}")
    lines += [f"  {each['state']:8} {each['title']}" for each in jobs]
    return document, "\n".join(lines)


def _report(options: argparse.Namespace, session: Session) -> Result:
    from engine.studies.report import write_report
    from engine.studies.result import StudyResult
    from engine.workspace.naming import study_named

    with session.workspace.catalogue.reading() as rows:
        row = study_named(rows, options.name)
    if not row.result:
        raise BakeoffError(
            "study.unfinished",
            "The study '{name}' has no result yet.",
            fix="See how it stands with: bakeoff study status {name}",
            name=options.name,
        )
    folder = Path(options.out) if options.out else session.workspace.reports / options.name
    path = write_report(StudyResult.model_validate(row.result), folder)
    return {"study": options.name, "report": str(path)}, str(path)
