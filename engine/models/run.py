"""The job that adds a base: inspect a folder, dequantise a GGUF file, or download from the Hub."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import Words
from engine.files import new_folder
from engine.jobs.context import JobContext, JobResult
from engine.models.errors import ModelError
from engine.models.inspect import inspect_folder, weights_sha256
from engine.models.source import classify
from engine.models.spec import ModelAddSpec
from engine.models.unchanged import note_checked
from engine.models.usable import require_usable
from engine.workspace.adoption import Adoption, NewModel


def run(context: JobContext) -> JobResult:
    """Add the model that the spec names."""
    spec = ModelAddSpec.model_validate(context.spec)
    source = classify(spec.source)
    origin = {"source": source.form, "where": source.where}
    if source.form == "folder":
        folder = Path(source.where)
        context.decision("copy", Words("none"), "a local folder is used where it lies and never changed")
        inspect_folder(folder)
        require_usable(folder, context)
    else:
        folder = context.output_folder(context.workspace.models)
        with new_folder(folder) as temporary, _told_of(source.where, temporary):
            if source.form == "gguf":
                from engine.models.gguf import dequantise

                dequantise(Path(source.where), temporary, context)
                require_usable(temporary, context)
            else:
                origin["commit"] = _download(source.where, spec.revision, temporary, context)
            inspect_folder(temporary)
    info = inspect_folder(folder)
    context.check()
    context.event("model.hashing", file=str(folder))
    sha256 = weights_sha256(folder)
    note_checked(context.workspace, folder, sha256)
    model = NewModel(
        id=context.job_id,
        name=spec.name,
        kind="base",
        folder=context.workspace.relative(folder),
        weights_sha256=sha256,
        info=info.model_dump(),
        recipe={"origin": origin},
    )
    summary = {"name": spec.name, "kind": "base", "weights_sha256": sha256, **info.model_dump()}
    return JobResult(summary, Adoption(models=[model]))


def _download(repository: str, revision: str, target: Path, context: JobContext) -> str:
    """Bring a model of the Hub to ``target``; until it is whole it lies with the job, which may break off."""
    from engine.models.hub import download

    def vet(folder: Path) -> None:
        with _told_of(repository, folder):
            require_usable(folder, context)

    commit, place = download(repository, revision, context.checkpoints / "download", context, vet)
    for file in place.iterdir():
        file.rename(target / file.name)
    return commit


@contextmanager
def _told_of(name: str, folder: Path) -> Iterator[None]:
    """Let errors name the source rather than ``folder``, which is removed when they are read."""
    try:
        yield
    except ModelError as error:
        if str(folder) in error.message:
            raise error.told_of(folder, name) from error
        raise
