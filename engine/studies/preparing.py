"""The first phase of a study: its datasets and bases are brought into the workspace, and looked at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from typing import Any

from sqlalchemy import select

from engine.datasets.spec import ImportSpec, SourceSpec
from engine.errors import BakeoffError, Words
from engine.files import sha256_file
from engine.jobs.context import JobContext
from engine.merging.spec import MergeSpec
from engine.models.library import find_model
from engine.models.source import demo_source
from engine.models.spec import ModelAddSpec
from engine.studies.errors import StudyError
from engine.studies.leaks import study_leaks
from engine.studies.planned import Plan
from engine.studies.spec import Base, DataSource, Sibling, Study, StudySpec
from engine.studies.steps import Step, Steps
from engine.training.spec import TrainSpec
from engine.workspace import Workspace
from engine.workspace.naming import dataset_named, fitting
from engine.workspace.tables import Dataset, Model


class Preparation:
    """Imports what is missing, makes siblings, and looks for leaks.

    Args:
        context: The study's job.
        study: Its file.
        folder: Where the file lies; paths in it begin there.
        steps: Submits and awaits its jobs.
        plan: How long each may take.
    """

    def __init__(self, context: JobContext, study: Study, folder: Path, steps: Steps, plan: Plan) -> None:
        self.context = context
        self.workspace = context.workspace
        self.study = study
        self.folder = folder
        self.steps = steps
        self.plan = plan
        #: Whether all bases can become GGUF files; known when everything is prepared.
        self.exportable = True

    def run(self) -> list[str]:
        """Prepare everything; returns what the reader of the report has to know, a sentence each."""
        others = self._import_datasets()
        require_prompts(self.study, self.workspace)
        cautions = [*others, *study_leaks(self.workspace, [task.dataset for task in self.study.tasks])]
        for sentence in cautions:
            self.context.event("warning", message=sentence)
        self._prepare_bases()
        cautions += self._require_exportable()
        return cautions

    def _require_exportable(self) -> list[str]:
        """See whether all bases can answer as GGUF files, before anything is trained; says why, where not."""
        from engine.exporting.sources import require_exportable

        if self.study.quantisation is None:
            return []
        try:
            for base in self.study.bases:
                require_exportable(find_model(self.workspace, base.name))
        except BakeoffError as error:
            held = next((task.dataset for task in self.study.tasks if task.constrain), None)
            if held is not None:
                raise StudyError(
                    "study.cannot_constrain",
                    "The answers on {task} cannot be held to a form, as '{base}' cannot become a GGUF file: {reason}",
                    fix="Leave 'constrain' out, or choose another base.",
                    task=held,
                    base=base.name,
                    reason=error,
                ) from error
            self.exportable = False
            sentence = Words(
                "No contestant answers as a GGUF file, because {base} cannot become one ({reason}); "
                "what is ranked are the weights as trained.",
                base=base.name,
                reason=error,
            )
            self.context.decision("answer_as", "transformers", sentence)
            return [sentence]
        return []

    def _import_datasets(self) -> list[str]:
        """Import what is missing; names the datasets that are here already and are not what the file says."""
        require_datasets(self.study, self.workspace)
        sources: dict[str, tuple[DataSource, bool]] = {}
        for base in self.study.bases:
            if base.sibling and base.sibling.source:
                sources[base.sibling.dataset] = (base.sibling.source, False)
        for task in self.study.tasks:
            if task.source:
                sources[task.dataset] = (task.source, task.sealed)
        steps: list[Step] = []
        others: list[str] = []
        for name, (source, sealed) in sources.items():
            spec = self._import_spec(name, source, sealed=sealed)
            if not known(self.workspace, Dataset, name):
                steps.append(
                    self._submit(f"import {name}", "dataset_import", spec, Words("Import {name}", name=name))
                )
            elif self._differs(name, spec):
                others.append(
                    Words(
                        "The dataset '{name}' was in the workspace before, made from other files or with other "
                        "settings than this study names; it was used as it is.",
                        name=name,
                    )
                )
        self.steps.run(steps)
        return others

    def _import_spec(self, name: str, source: DataSource, *, sealed: bool) -> ImportSpec:
        return ImportSpec(
            sources=[SourceSpec(path=str(self._path(file.path)), split=file.split) for file in source.files],
            name=name,
            format=source.format,
            mapping=source.map,
            system=source.system,
            test_share=source.test_share,
            dev_share=source.dev_share,
            seed=source.seed,
            sealed=sealed,
        )

    def _differs(self, name: str, spec: ImportSpec) -> bool:
        """Whether a dataset is not what importing by ``spec`` would make."""
        with self.workspace.catalogue.reading() as session:
            manifest = dataset_named(session, name).manifest
        settings = ("format", "mapping", "system", "test_share", "dev_share", "seed", "sealed")
        if any(manifest.get(setting) != getattr(spec, setting) for setting in settings):
            return True
        try:
            files = [(sha256_file(Path(source.path)), source.split) for source in spec.sources]
        except OSError:
            return True
        return files != [(source["sha256"], source["split"]) for source in manifest["sources"]]

    def _prepare_bases(self) -> None:
        for base in self.study.bases:
            if known(self.workspace, Model, base.name):
                continue
            if base.sibling:
                self._make_sibling(base, base.sibling)
            else:
                source = base.source or base.name
                where = demo_source().where if source == "demo" else self._model_source(source)
                spec = ModelAddSpec(source=where, name=base.name)
                self.steps.run(
                    [self._submit(f"add {base.name}", "model_add", spec, Words("Add {name}", name=base.name))]
                )

    def _make_sibling(self, base: Base, sibling: Sibling) -> None:
        """A light fine-tune, folded into its base: a new base."""
        train = TrainSpec(
            base=sibling.base,
            dataset=sibling.dataset,
            name=fitting(f"{base.name}-adapter"),
            recipe=self.study.recipe(None, seed=self.study.seed, own=sibling.training),
        )
        step = self._submit(
            f"sibling {base.name}", "train", train, Words("Train sibling {name}", name=base.name)
        )
        self.steps.run([step])
        adapter = self.steps.model_of(step)
        recipe = {"merge_method": "passthrough", "models": [{"model": adapter}], "dtype": "bfloat16"}
        fold = MergeSpec(recipe=recipe, name=base.name, seed=self.study.seed)
        self.steps.run(
            [self._submit(f"fold {base.name}", "merge", fold, Words("Fold sibling {name}", name=base.name))]
        )

    def _submit(self, key: str, kind: str, spec: Any, title: str) -> Step:
        return self.steps.submit(key, kind, spec, title, self.plan.of(key))

    def _path(self, text: str) -> Path:
        path = Path(text).expanduser()
        return path if path.is_absolute() else self.folder / path

    def _model_source(self, text: str) -> str:
        """A path beside the study's file, or a hub id."""
        path = self._path(text)
        return str(path) if path.exists() else text


def require_datasets(study: Study, workspace: Workspace) -> None:
    """Refuse a study whose datasets are neither in the workspace nor have a source.

    Raises:
        StudyError: Names them.
    """
    missing = [
        task.dataset
        for task in study.tasks
        if task.source is None and not known(workspace, Dataset, task.dataset)
    ]
    if missing:
        raise StudyError(
            "study.no_datasets",
            "The study needs datasets that the workspace does not have: {names}.",
            fix="Import each of them with: bakeoff dataset import FILE --name NAME",
            names=", ".join(missing),
        )


def require_bases(spec: StudySpec, workspace: Workspace) -> None:
    """Refuse bases that the workspace lacks and that are to be added from a folder or file that is not there.

    Raises:
        StudyError: Names the first of them.
    """
    for base in spec.study.bases:
        if base.source is None or not _is_path(base.source) or known(workspace, Model, base.name):
            continue
        if not (Path(spec.folder) / Path(base.source).expanduser()).exists():
            raise StudyError(
                "study.no_source",
                "The base '{name}' is to come from {source}, and there is nothing.",
                fix="Correct the path; those that are not absolute begin at the study's file.",
                name=base.name,
                source=base.source,
            )


def _is_path(source: str) -> bool:
    """Whether it is a path for sure; ``owner/name`` may be a model of the Hub."""
    return source.startswith(("/", "./", "../", "~", ".\\", "..\\")) or Path(source).is_absolute()


def require_prompts(study: Study, workspace: Workspace) -> None:
    """Refuse tasks with a split that the study needs and that is empty; what is to be imported yet may be any.

    Raises:
        StudyError: Names the first of them.
    """
    for task in study.tasks:
        if not known(workspace, Dataset, task.dataset):
            continue
        with workspace.catalogue.reading() as session:
            counts = dataset_named(session, task.dataset).manifest["counts"]
        empty = empty_splits(counts, merging=study.merging is not None and not task.sealed)
        if empty:
            raise StudyError(
                "study.no_prompts",
                "The task '{task}' has no {splits} examples, which the study needs.",
                fix="Import it with other shares (dev is what parents are chosen on), or leave merging out.",
                task=task.dataset,
                splits=" and no ".join(empty),
            )


def empty_splits(counts: Mapping[str, int], *, merging: bool) -> list[str]:
    """The splits that a task needs and that have no example; merges are chosen on ``dev``."""
    return [split for split in ("train", "test", *(["dev"] if merging else [])) if not counts.get(split)]


def was_closed(workspace: Workspace, dataset: str, *, since: float) -> bool:
    """Whether a dataset was sealed and closed until ``since`` (seconds since the epoch)."""
    with workspace.catalogue.reading() as session:
        row = dataset_named(session, dataset)
    return row.sealed and (row.opened_at is None or row.opened_at.replace(tzinfo=UTC).timestamp() >= since)


def known(workspace: Workspace, table: type[Model] | type[Dataset], name: str) -> bool:
    """Whether the catalogue has a model or dataset of this name."""
    with workspace.catalogue.reading() as session:
        return session.scalar(select(table.id).where(table.name == name)) is not None
