"""The datasets of the workspace, and what can be done with them. No widgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QObject, Signal

from desktop.language import numeral, tr
from desktop.problem import Problem, problem_of
from desktop.services import Services
from desktop.view_model import ViewModel
from desktop.words import told
from engine.errors import BakeoffError, Words, with_template

if TYPE_CHECKING:
    from engine.datasets.glance import ImportPreview
    from engine.datasets.managing import RemovedDataset
    from engine.datasets.options import ImportOptions, Split

#: Rejected rows that are listed.
_LISTED: Final = 200


@dataclass(frozen=True)
class DatasetRow:
    """A dataset.

    Attributes:
        counts: Examples of train, dev and test.
        closed: Sealed, and not opened yet: its rows stay unseen.
        duplicates: Rows that repeat others; ``near`` almost; ``conflicts`` prompts with several answers.
        rejected: Rows that were left out.
        warnings: What its import has warned of.
        sources: The files it came from.
    """

    name: str
    form: str
    counts: tuple[int, int, int]
    sealed: bool
    closed: bool
    opened_by: str
    duplicates: int
    near: int
    conflicts: int
    rejected: int
    warnings: tuple[str, ...]
    sources: tuple[str, ...]
    folder: Path = field(compare=False)

    @property
    def examples(self) -> int:
        """How many it has."""
        return sum(self.counts)


@dataclass(frozen=True)
class DatasetsState:
    """What the page shows.

    Attributes:
        models: Names of those whose tokens can be looked at, bases first.
    """

    datasets: tuple[DatasetRow, ...] = ()
    selected: str = ""
    models: tuple[str, ...] = ()

    @property
    def shown(self) -> DatasetRow | None:
        """The selected one."""
        return next((one for one in self.datasets if one.name == self.selected), None)


class DatasetsModel(ViewModel[DatasetsState]):
    """Lists, imports, renames and removes datasets."""

    #: A dataset lies in the trash; carries a `RemovedDataset`.
    removed = Signal(object)

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(services, DatasetsState(), parent)
        self._selected = ""

    def read(self) -> Callable[[], DatasetsState]:
        """See `ViewModel`."""
        workspace, selected = self.services.workspace, self._selected

        def read() -> DatasetsState:
            from sqlalchemy import select

            from engine.workspace.tables import Dataset, Model

            with workspace.catalogue.reading() as session:
                rows = session.scalars(select(Dataset).order_by(Dataset.created_at, Dataset.name)).all()
                found = tuple(_row(row, workspace.absolute(row.folder)) for row in rows)
                models = [(row.kind != "base", row.name) for row in session.scalars(select(Model))]
            names = [one.name for one in found]
            shown = selected if selected in names else names[-1] if names else ""
            return DatasetsState(found, shown, tuple(name for _, name in sorted(models)))

        return read

    def select(self, name: str) -> None:
        """Show another dataset."""
        self._selected = name
        self.use(DatasetsState(self.state.datasets, name, self.state.models))

    def preview(
        self,
        path: Path,
        options: ImportOptions,
        done: Callable[[ImportPreview], None],
        failed: Callable[[Problem], None],
    ) -> None:
        """Read the first rows of a file as an import would."""

        def look() -> ImportPreview:
            from engine.datasets.glance import import_preview

            return import_preview(path, options)

        self.services.background.run(self, look, done, failed)

    def import_files(
        self,
        sources: Sequence[tuple[Path, str]],
        options: ImportOptions,
        done: Callable[[], None],
        failed: Callable[[Problem], None],
    ) -> None:
        """Import files as one dataset, in a job.

        Args:
            sources: Each file, and the split of all its rows; empty where it has none.
            options: See `ImportOptions`.
            done: Called once the job waits.
            failed: Gets why it cannot be.
        """
        workspace, client = self.services.workspace, self.services.client

        def submit() -> None:
            from engine.datasets.spec import ImportSpec
            from engine.workspace.naming import require_free
            from engine.workspace.tables import Dataset

            spec = ImportSpec.model_validate(
                {
                    "sources": [{"path": str(path), "split": split or None} for path, split in sources],
                    "name": options.name,
                    "format": options.format,
                    "mapping": dict(options.mapping),
                    "system": options.system,
                    "test_share": options.test_share,
                    "dev_share": options.dev_share,
                    "seed": options.seed,
                    "sealed": options.sealed,
                }
            )
            spec.options().validate()
            with workspace.catalogue.reading() as session:
                require_free(session, Dataset, options.name)
            client.submit("dataset_import", spec, Words("Import {name}", name=options.name))
            client.ensure_runner()

        def after(_: object) -> None:
            self._selected = options.name
            self.told.emit(tr("{name} is being imported.", name=options.name))
            done()

        self.do(submit, after, failed)

    def add_sample(self) -> None:
        """Import the next sample task that comes with Bakeoff."""
        workspace, client = self.services.workspace, self.services.client

        def submit() -> str:
            from engine.studies.quick import sample_import

            spec = sample_import(workspace)
            if spec is None:
                return ""
            client.submit("dataset_import", spec, Words("Import {name}", name=spec.name))
            client.ensure_runner()
            return spec.name

        def after(name: str) -> None:
            self._selected = name or self._selected
            self.told.emit(
                tr("{name} is being imported.", name=name) if name else tr("The samples are here already.")
            )

        self.do(submit, after)

    def rename(self, name: str, new: str) -> None:
        """Call a dataset something else."""
        workspace = self.services.workspace

        def rename() -> None:
            from engine.datasets.managing import rename_dataset

            rename_dataset(workspace, name, new)

        def after(_: object) -> None:
            self._selected = new

        self.do(rename, after)

    def remove(self, name: str) -> None:
        """Move a dataset, its answers and its verdicts to the trash."""
        workspace = self.services.workspace

        def remove() -> RemovedDataset:
            from engine.datasets.managing import remove_dataset

            return remove_dataset(workspace, name)

        self.do(remove, self.removed.emit)

    def restore(self, removed: RemovedDataset) -> None:
        """Bring a dataset back from the trash."""
        workspace = self.services.workspace

        def restore() -> None:
            from engine.datasets.managing import restore_dataset

            restore_dataset(workspace, removed)

        def after(_: object) -> None:
            self._selected = removed.name

        self.do(restore, after)

    def export(self, name: str, file: Path, split: Split | None = None) -> None:
        """Write a dataset, or one of its splits, to a file."""
        workspace = self.services.workspace

        def write() -> int:
            from engine.datasets.export import export_dataset
            from engine.datasets.library import open_dataset

            return export_dataset(open_dataset(workspace, name, "export").store, file, split)

        def after(number: int) -> None:
            self.told.emit(tr("{count} examples are in {file}.", count=numeral(number), file=file.name))

        self.do(write, after)

    def rejected(self, name: str, done: Callable[[list[tuple[int, str]]], None]) -> None:
        """The rows that an import left out: number and reason of the first ones."""
        shown = self.state.shown
        if shown is None or shown.name != name:
            return
        folder = shown.folder

        def read() -> list[tuple[int, str]]:
            from engine.datasets.store import DatasetStore

            rows = DatasetStore(folder).rejected_words(_LISTED)
            return [
                (number, told(reason) if isinstance(reason, Words) else reason) for number, reason in rows
            ]

        self.services.background.run(self, read, done, self.failed.emit)


def _row(row: Any, folder: Path) -> DatasetRow:
    manifest = row.manifest
    counts = manifest["counts"]
    return DatasetRow(
        row.name,
        str(manifest["form"]),
        (int(counts["train"]), int(counts["dev"]), int(counts["test"])),
        row.sealed,
        row.sealed and row.opened_at is None,
        row.opened_by or "",
        int(manifest["duplicates"]),
        int(manifest["near_duplicates"]),
        int(manifest["conflicts"]),
        int(manifest["rejected"]),
        tuple(told(with_template(one, manifest.get("words"))) for one in manifest["warnings"]),
        tuple(Path(str(source["file"])).name for source in manifest["sources"]),
        folder,
    )


def sort_files(files: Sequence[Path]) -> tuple[list[Path], list[Problem]]:
    """What was dropped: files that may hold examples, and what to say of the rest; folders stand for their files."""
    found: list[Path] = []
    problems: list[Problem] = []
    for path in files:
        inside = sorted(one for one in path.iterdir() if one.is_file()) if path.is_dir() else [path]
        fitting = [one for one in inside if not path.is_dir() or _may_hold(one)]
        if path.is_dir() and not fitting:
            problems.append(
                Problem(
                    tr("Nothing to import"),
                    tr("The folder {name} holds no file with examples.", name=path.name),
                    tr("Drop JSONL, JSON, CSV, TSV or Parquet files."),
                    "dataset.empty_folder",
                )
            )
        for one in fitting:
            try:
                _require_data(one)
                found.append(one)
            except BakeoffError as error:
                problems.append(problem_of(error))
    return found, problems


_SUFFIXES: Final = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".tab", ".parquet", ".pq")


def _may_hold(file: Path) -> bool:
    return file.name.lower().removesuffix(".gz").endswith(_SUFFIXES) and not file.name.startswith(".")


def _require_data(file: Path) -> None:
    """Refuse what cannot be read or is no data at all."""
    from engine.datasets.detect import detect
    from engine.datasets.source import ByteSource

    detect(ByteSource(file), None)
