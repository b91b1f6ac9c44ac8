"""``bakeoff merge``: make one model of several by a recipe."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.session import Session, duration
from engine.errors import BakeoffError, Words

if TYPE_CHECKING:
    from engine.jobs.directory import JobDirectory
    from engine.merging import Preflight
    from engine.merging.forecast import Forecast

Result = tuple[Any, str]


class RefusedMergeError(BakeoffError):
    """The pre-flight's first error, with all findings in its JSON."""

    title = "These models cannot be merged like this"

    def __init__(self, first: BakeoffError, preflight: Preflight) -> None:
        super().__init__(first.code, "{message}", message=first.message, file=first.file)
        self.fix = first.fix
        self.findings = [finding.as_dict() for finding in preflight.findings]

    def as_dict(self) -> dict[str, Any]:
        """The ``error`` object, with ``findings``."""
        return {**super().as_dict(), "findings": self.findings}


def register(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    merge = commands.add_parser("merge", help="merge models by a recipe", parents=[everywhere])
    merge.add_argument("recipe", metavar="RECIPE.yml", help="models by their names here, or by their folders")
    merge.add_argument("out", metavar="OUT_DIR", help="the new model's folder; must not exist yet")
    merge.add_argument("--name", help="what to call it in the workspace (default: as the folder)")
    merge.add_argument(
        "--check", action="store_true", help="only look whether the recipe can be merged, and what that takes"
    )
    merge.add_argument(
        "--seed", type=int, default=42, metavar="S", help="of the methods that drop at random (default: 42)"
    )
    merge.add_argument("--threads", type=int, default=1, metavar="N", help="tensors at a time")
    merge.add_argument("--detach", action="store_true", help="return at once")
    merge.set_defaults(run=_merge)


def _merge(options: argparse.Namespace, session: Session) -> Result:
    from engine.merging import Preflight, check, load_recipe
    from engine.merging.forecast import check_memory, forecast
    from engine.merging.spec import MergeSpec
    from engine.merging.workspace_models import workspace_resolver

    file, out = Path(options.recipe).absolute(), Path(options.out).expanduser().absolute()
    recipe = load_recipe(Path(options.recipe))
    spec = MergeSpec(
        recipe=file.read_text(encoding="utf-8-sig"),
        name=_name(options.name, out, session),
        recipe_file=str(file),
        working_folder=str(Path.cwd()),
        folder=str(out),
        seed=options.seed,
        threads=options.threads,
    )
    continuing = session.parked("merge", spec)
    _require_unclaimed(out, continuing, session)
    preflight = check(
        recipe,
        resolve=workspace_resolver(session.workspace),
        recipe_file=file,
        out=None if continuing is not None else out,
    )
    foreseen = None
    if preflight.plan is not None:
        foreseen = forecast(preflight.plan, out, options.threads)
        preflight = Preflight((*preflight.findings, *check_memory(foreseen)), preflight.plan)
    # While the job runs, its own warnings are shown.
    _tell(preflight, session, warnings=options.check or options.detach)
    if options.check and foreseen is not None:
        document = {**preflight.as_dict(), "forecast": foreseen.as_dict()}
        return document, f"{_check_text(preflight)}\n{_forecast_text(foreseen)}"
    summary = session.run_job(
        "merge", spec, Words("Merge {name}", name=spec.name), detach=options.detach, forget_failure=True
    )
    if options.detach:
        return summary, summary["job"]
    return summary, (
        f"{summary['model']}: {summary['tensors']} tensors, {summary['bytes'] / 1e6:,.0f} MB in "
        f"{duration(summary['seconds'])}, at {summary['folder']}."
    )


def _require_unclaimed(out: Path, own: JobDirectory | None, session: Session) -> None:
    """Refuse a folder into which another unfinished merge will write.

    Raises:
        JobError: Names that job.
    """
    from engine.jobs.directory import JobError, all_jobs

    for job in all_jobs(session.workspace.jobs):
        request = job.request()
        if request.kind != "merge" or request.spec.get("folder") != str(out):
            continue
        if (own is None or job.id != own.id) and job.status().state in ("paused", "queued", "running"):
            raise JobError(
                "merge.folder_claimed",
                "The unfinished job {job} ('{title}') writes to {file}, too.",
                fix="Choose another folder, or give that job up with: bakeoff job stop {job}",
                job=job.id,
                title=request.title,
                file=str(out),
            )


def _name(wanted: str | None, out: Path, session: Session) -> str:
    """The name that is asked for, which must be free; else one like the folder's."""
    from engine.workspace.naming import free_name, require_free, slug
    from engine.workspace.tables import Model

    with session.workspace.catalogue.reading() as rows:
        if wanted is None:
            return free_name(rows, Model, slug(out.name))
        require_free(rows, Model, wanted)
        return wanted


def _tell(preflight: Preflight, session: Session, *, warnings: bool) -> None:
    """Say what the pre-flight found, and stop where it found an error, which says itself.

    Raises:
        RefusedMergeError: The first error; all findings are in its ``error`` object.
    """
    told_by_error = next((one for one in preflight.findings if one.severity == "error"), None)
    for finding in preflight.findings:
        if finding is told_by_error or not (warnings or told_by_error):
            continue
        session.say(f"{finding.severity.capitalize()}: {finding.message} {finding.fix}".rstrip())
    if not preflight.ok:
        try:
            preflight.require()
        except BakeoffError as problem:
            raise RefusedMergeError(problem, preflight) from problem


def _check_text(preflight: Preflight) -> str:
    document = preflight.as_dict()
    count = len(preflight.warnings)
    warnings = f", {count} warning{'s' if count > 1 else ''}" if count else ""
    return (
        f"This can be merged{warnings}: {document['method']} of {', '.join(document['models'])}; "
        f"{document['layers']} layers, {document['tensors']} tensors, {document['bytes'] / 1e6:,.0f} MB "
        f"in {document['dtype']}."
    )


def _forecast_text(found: Forecast) -> str:
    took = (
        "How long it takes is not known: no merge like it was measured on this machine."
        if found.seconds is None
        else f"It takes about {duration(found.seconds)}, as merges like it did on this machine."
    )
    return (
        f"It needs {found.nbytes / 1e6:,.0f} MB of disk ({found.free / 1e6:,.0f} MB free) and about "
        f"{found.memory / 1e6:,.0f} MB of memory ({found.available / 1e6:,.0f} MB free). {took}"
    )
