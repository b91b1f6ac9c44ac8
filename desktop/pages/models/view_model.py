"""The models of the workspace, what one of them is, and what can be done with it. Knows no widgets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from PySide6.QtCore import QObject, Slot
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from desktop.feed import JobRow, under_way
from desktop.language import numeral, tr
from desktop.pages.models.evidence import Evidence, read_evidence
from desktop.pages.models.fit import TONES, Fit, Room, room_here, to_run, to_train
from desktop.services import Services
from desktop.view_model import ViewModel
from engine.errors import Words
from engine.exporting.spec import ExportSpec
from engine.files import folder_bytes
from engine.models.inspect import ModelInfo
from engine.models.library import default_base, find_model, set_default_base
from engine.models.managing import Removed, remove_model, rename_model, restore_model
from engine.models.source import classify, demo_source
from engine.models.spec import ModelAddSpec
from engine.workspace.settings import settings_of
from engine.workspace.tables import Export, Model

#: Jobs that bring models, of which so many are shown.
_JOBS: Final = 3

Kind = Literal["all", "base", "adapter", "merge", "gguf"]


@dataclass(frozen=True)
class Gguf:
    """A GGUF file of a model."""

    quantisation: str
    bytes: int
    file: str
    sha256: str
    there: bool


@dataclass(frozen=True)
class ModelRow:
    """A model.

    Attributes:
        parents: Ids of those in the workspace that it was made from.
        made_from: Names of all that it was made from.
        how: Of an adapter the dataset, of a merge the method.
        there: Whether its files are where they should be.
        evidence: What studies say about it; None: nothing.
        fit: What it can do on this machine.
    """

    id: str
    name: str
    kind: str
    how: str
    bytes: int
    parents: tuple[str, ...]
    made_from: tuple[str, ...]
    ggufs: tuple[Gguf, ...]
    default: bool
    there: bool
    folder: str
    evidence: Evidence | None = None
    fit: Fit = ""


@dataclass(frozen=True)
class Details:
    """What one model is, as pairs of words, and whether this machine can hold it."""

    pairs: tuple[tuple[str, str], ...] = ()
    fits: str = ""
    fits_tone: Literal["", "good", "warn", "bad"] = ""


@dataclass(frozen=True)
class ModelsState:
    """What the page shows.

    Attributes:
        models: All, oldest first.
        selected: Id of the one whose details are shown; empty: none.
        bytes: On the disk, of all together.
        quantisation: In which GGUF files are written unless something else is asked for.
        adding: Jobs that are bringing models, and the last one if it failed.
    """

    models: tuple[ModelRow, ...] = ()
    selected: str = ""
    details: Details = Details()
    bytes: int = 0
    quantisation: str = ""
    adding: tuple[JobRow, ...] = ()

    def model(self, model_id: str) -> ModelRow | None:
        """One of them."""
        return next((model for model in self.models if model.id == model_id), None)

    def line_of(self, model_id: str) -> frozenset[str]:
        """Ids of a model, of all that it was made from, and of all that were made from it."""
        above, below = {model_id}, {model_id}
        parents = {model.id: model.parents for model in self.models}
        queue = [model_id]
        while queue:
            fresh = set(parents.get(queue.pop(), ())) - above
            above |= fresh
            queue += fresh
        grown = True
        while grown:
            found = {one for one, made in parents.items() if below & set(made)} - below
            below |= found
            grown = bool(found)
        return frozenset(above | below)


class ModelsModel(ViewModel[ModelsState]):
    """Reads models; adds, renames, removes, exports."""

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(services, ModelsState(), parent)
        self._wanted = ""

    def show(self) -> None:
        """See `ViewModel`."""
        if not self.shown:
            self.services.feed.jobs_changed.connect(self._jobs_changed)
        super().show()

    def hide(self) -> None:
        """See `ViewModel`."""
        if self.shown:
            self.services.feed.jobs_changed.disconnect(self._jobs_changed)
        super().hide()

    def use(self, state: ModelsState) -> None:
        """See `ViewModel`; how far jobs are, this thread knows best."""
        super().use(replace(state, adding=self._adding()))

    def _adding(self) -> tuple[JobRow, ...]:
        return under_way(self.services.feed.jobs, "model_add", _JOBS)

    @Slot()
    def _jobs_changed(self) -> None:
        if self.loaded and self._adding() != self.state.adding:
            self.use(self.state)

    def read(self) -> Callable[[], ModelsState]:
        """See `ViewModel`."""
        workspace, wanted = self.services.workspace, self._wanted

        def read() -> ModelsState:
            default, room = default_base(workspace), room_here()
            with workspace.catalogue.reading() as session:
                rows = session.scalars(
                    select(Model).options(selectinload(Model.parents)).order_by(Model.created_at, Model.name)
                ).all()
                exports: dict[str, list[Gguf]] = {}
                for export in session.scalars(select(Export).order_by(Export.created_at)):
                    file = workspace.absolute(export.file)
                    exports.setdefault(export.model_id, []).append(
                        Gguf(
                            export.quantisation,
                            int(export.info.get("bytes", 0)),
                            str(file),
                            export.sha256,
                            file.is_file(),
                        )
                    )
                weights = {row.id: row.weights_sha256 for row in rows}
                models = []
                evidence = read_evidence(workspace, {row.name: identity_of(row, weights) for row in rows})
                by_id = {row.id: row for row in rows}
                infos = {row.id: _info(row, by_id) for row in rows}
                for row in rows:
                    info = infos[row.id]
                    folder = workspace.absolute(row.folder)
                    there = folder.is_dir()
                    models.append(
                        ModelRow(
                            id=row.id,
                            name=row.name,
                            kind=row.kind,
                            how=_how(row),
                            bytes=folder_bytes(folder) if there else 0,
                            parents=tuple(one.parent_id for one in row.parents if one.parent_id),
                            made_from=tuple(one.parent_name for one in row.parents),
                            ggufs=tuple(exports.get(row.id, ())),
                            default=row.name == default,
                            there=there,
                            folder=str(folder),
                            evidence=evidence.get(row.name),
                            fit=room.fit(info) if there and info is not None else "",
                        )
                    )
            found = tuple(models)
            chosen = next((one for one in found if one.id == wanted), found[-1] if found else None)
            details = _details(chosen, infos[chosen.id], room) if chosen is not None else Details()
            size = sum(one.bytes + sum(gguf.bytes for gguf in one.ggufs if gguf.there) for one in found)
            return ModelsState(
                found, chosen.id if chosen else "", details, size, settings_of(workspace).quantisation
            )

        return read

    def select(self, model_id: str) -> None:
        """Show what one model is."""
        if model_id != self.state.selected:
            self._wanted = model_id
            self.refresh()

    def select_named(self, name: str) -> None:
        """Show the model of a name."""
        found = next((model.id for model in self.state.models if model.name == name), "")
        self._wanted = found or self._wanted
        self.refresh()

    def add(self, where: str, name: str = "", revision: str = "") -> None:
        """Add a base from a folder, a GGUF file, or the Hugging Face Hub, as a job.

        Args:
            where: The folder, the file, or the name on the Hub.
            name: What to call it; empty: its own name.
            revision: Branch, tag or commit on the Hub; empty: the main branch.
        """
        client = self.services.client

        def submit() -> str:
            source = classify(where)
            spec = ModelAddSpec(source=source.where, name=name or source.name, revision=revision or "main")
            job = client.submit("model_add", spec, Words("Add {name}", name=spec.name))
            client.ensure_runner(job)
            return spec.name

        self.do(submit, lambda added: self.told.emit(tr("{name} is being added.", name=added)))

    def add_demo(self) -> None:
        """Add the embedded SmolLM2-135M."""
        self.services.background.run(
            self, demo_source, lambda source: self.add(source.where, source.name), self.failed.emit
        )

    def rename(self, model_id: str, name: str) -> None:
        """Call a model something else."""
        model = self.state.model(model_id)
        if model is not None and name.strip() != model.name:
            workspace, old = self.services.workspace, model.name
            self.do(lambda: rename_model(workspace, old, name.strip()))

    def remove(self, model_id: str, removed: Callable[[Removed], None]) -> None:
        """Put a model into the trash."""
        model = self.state.model(model_id)
        if model is not None:
            workspace, name = self.services.workspace, model.name
            self.do(lambda: remove_model(workspace, name), removed)

    def restore(self, removed: Removed) -> None:
        """Bring it back."""
        workspace = self.services.workspace
        self.do(lambda: restore_model(workspace, removed))

    def make_default(self, model_id: str) -> None:
        """Let it be what is trained where no base is named."""
        model = self.state.model(model_id)
        if model is not None:
            workspace, name = self.services.workspace, model.name
            self.do(lambda: set_default_base(workspace, find_model(workspace, name)))

    def export(self, model_id: str, quantisation: str) -> None:
        """Make a GGUF file of a model in the workspace, as a job."""
        model = self.state.model(model_id)
        if model is None:
            return
        client = self.services.client
        spec = ExportSpec(model=model.name, quantisation=quantisation, drift=True)

        def submit() -> None:
            job = client.submit(
                "export", spec, Words("Export {model} as {form}", model=spec.model, form=quantisation)
            )
            client.ensure_runner(job)

        self.do(submit, lambda _: self.told.emit(tr("The file is being made; see Jobs.")))


def identity_of(row: Model, weights: Mapping[str, str]) -> str:
    """Of a model's weights (see `engine.models.library.ModelFiles.identity`).

    Args:
        row: The model, with its parents.
        weights: Hash of the weights of each model, by its id.
    """
    if row.kind != "adapter" or not row.parents:
        return row.weights_sha256
    base = row.parents[0]
    return f"{weights.get(base.parent_id or '', base.parent_sha256)}+{row.weights_sha256}"


def _how(row: Model) -> str:
    if row.kind == "adapter":
        dataset = row.recipe.get("dataset")
        return str(dataset.get("name", "")) if isinstance(dataset, dict) else ""
    if row.kind == "merge":
        recipe = row.recipe.get("recipe")
        return str(recipe.get("merge_method", "")) if isinstance(recipe, dict) else ""
    return str(row.info.get("architecture", ""))


def _details(model: ModelRow, info: ModelInfo | None, room: Room) -> Details:
    from desktop.words import size

    pairs = [(tr("Made from"), ", ".join(model.made_from) or tr("brought from outside"))]
    if info is None:
        return Details(tuple(pairs))
    pairs += [
        (tr("Architecture"), info.architecture),
        (tr("Parameters"), f"{numeral(info.parameters / 1e6, ',.0f')} M"),
        (tr("Stored as"), f"{info.dtype}, {size(model.bytes)}"),
        (tr("Context"), tr("{count} tokens", count=numeral(info.context))),
        (tr("Chat template"), info.template_sha256[:12] or tr("none: a plain one is used")),
        (tr("Licence"), info.licence or tr("not told")),
    ]
    pairs += [(tr("Memory to run"), size(to_run(info))), (tr("To train (QLoRA)"), size(to_train(info)))]
    fits, tone = room.words(model.fit), TONES[model.fit]
    if not model.there:
        fits, tone = tr("Its files are not where they were."), "bad"
    return Details(tuple(pairs), fits, tone)


def _info(row: Model, rows: Mapping[str, Model]) -> ModelInfo | None:
    """Of the whole model: an adapter runs with its base; None where that is not known."""
    base = rows.get(row.parents[0].parent_id or "") if row.kind == "adapter" and row.parents else None
    try:
        return ModelInfo.model_validate((base or row).info)
    except ValueError:
        return None
