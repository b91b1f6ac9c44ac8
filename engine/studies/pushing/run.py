"""The job that pushes a release: file by file, then one commit, so that the repository shows all or nothing of it."""

from __future__ import annotations

import time
from pathlib import Path

from engine.jobs.context import JobContext, JobResult
from engine.studies.pushing.hub import Repository, require_card
from engine.studies.pushing.spec import PushSpec
from engine.studies.release.bundle import CARD, bundle_files


def run(context: JobContext) -> JobResult:
    """Push the spec's bundle."""
    spec = PushSpec.model_validate(context.spec)
    started = time.monotonic()
    folder = Path(spec.folder)
    files = bundle_files(folder)
    card = (folder / CARD).read_text(encoding="utf-8")
    require_card(card)
    repository = Repository(spec.repository, context)
    repository.prepare(public=spec.public)
    repository.check_card(card)
    sizes = {name: (folder / name).stat().st_size for name in files}
    done, total = 0, sum(sizes.values())
    for name in sorted(files, key=lambda name: sizes[name]):
        context.check()
        context.progress(done, total, "bytes", file=name)
        repository.upload(folder, name)
        done += sizes[name]
    context.check()
    commit = repository.commit(f"Release {folder.name}")
    context.progress(total, total, "bytes")
    return JobResult(
        {
            "repository": spec.repository,
            "url": repository.url,
            "private": repository.private,
            "commit": commit,
            "files": files,
            "bytes": total,
            "seconds": round(time.monotonic() - started, 3),
        }
    )
