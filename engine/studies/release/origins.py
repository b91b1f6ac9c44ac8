"""Where a released model comes from: its ancestors with hashes and licences, and the recipes that made it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from sqlalchemy.orm import Session

from engine.models.inspect import WEIGHTS_INDEX
from engine.models.library import ModelFiles
from engine.studies.release.licences import ParentLicence, front_matter, licence_of_folder
from engine.workspace import Workspace
from engine.workspace.tables import Model


@dataclass
class Origins:
    """What is known of a model's making.

    Attributes:
        ancestors: Nearest first: name, kind, hash of the weights, depth, whose parent, hub id.
        trainings: Per adapter on the way: model, base, dataset with hash, recipe, versions, result.
        merges: Per merge on the way: model, recipe, parents, seed, versions.
        licences: Of those ancestors that were made by others.
        folders: Where these are, by name.
        languages: That the cards of these name.
    """

    ancestors: list[dict[str, Any]] = field(default_factory=list)
    trainings: list[dict[str, Any]] = field(default_factory=list)
    merges: list[dict[str, Any]] = field(default_factory=list)
    licences: list[ParentLicence] = field(default_factory=list)
    folders: dict[str, Path] = field(default_factory=dict)
    languages: list[str] = field(default_factory=list)

    @property
    def datasets(self) -> list[dict[str, str]]:
        """Names and hashes of what was trained on, each once."""
        found = {(one["dataset"]["name"], one["dataset"]["sha256"]) for one in self.trainings}
        return [{"name": name, "sha256": sha256} for name, sha256 in sorted(found)]

    @property
    def base_on_hub(self) -> str | None:
        """The id on the Hugging Face Hub of what an adapter stands on; None: it has none."""
        return next((one["hub_id"] for one in self.ancestors if one["depth"] == 1 and one["hub_id"]), None)

    @property
    def hub_bases(self) -> list[str]:
        """Ids on the Hugging Face Hub of those ancestors that came from there."""
        return list(dict.fromkeys(one["hub_id"] for one in self.ancestors if one.get("hub_id")))


def origins_of(workspace: Workspace, files: ModelFiles) -> Origins:
    """Everything that the workspace knows of how a model was made; names no path of this machine."""
    found = Origins()
    with workspace.catalogue.reading() as session:
        row = session.get(Model, files.id)
        if row is not None:
            _collect(workspace, session, row, found)
    return found


def _collect(workspace: Workspace, session: Session, model: Model, found: Origins) -> None:
    """Walk the lineage, nearest first, every model once."""
    queue: list[tuple[Model, int]] = [(model, 0)]
    seen: set[str] = set()
    while queue:
        row, depth = queue.pop(0)
        if row.id in seen:
            continue
        seen.add(row.id)
        _note_making(row, found)
        if not row.parents:
            _note_source(workspace, row, found)
        for parent in row.parents:
            known = session.get(Model, parent.parent_id) if parent.parent_id else None
            origin = (known.recipe.get("origin") or {}) if known is not None else {}
            name = pathless(known.name if known is not None else parent.parent_name)
            found.ancestors.append(
                {
                    "name": name,
                    "kind": known.kind if known is not None else "unknown",
                    "sha256": parent.parent_sha256,
                    "depth": depth + 1,
                    "of": row.name,
                    "hub_id": origin.get("where") if origin.get("source") == "hub" else None,
                    "commit": origin.get("commit"),
                }
            )
            if known is not None:
                queue.append((known, depth + 1))
            else:
                found.licences.append(licence_of_folder(name, None))
    if not model.parents:
        origin = model.recipe.get("origin") or {}
        if origin.get("source") == "hub":
            found.ancestors.append(
                {
                    "name": model.name,
                    "kind": model.kind,
                    "sha256": model.weights_sha256,
                    "depth": 0,
                    "of": model.name,
                    "hub_id": origin["where"],
                    "commit": origin.get("commit"),
                }
            )


def _note_making(row: Model, found: Origins) -> None:
    recipe = row.recipe
    if row.kind == "adapter" and isinstance(recipe.get("dataset"), dict):
        keys = ("base", "dataset", "recipe", "template_sha256", "device", "versions", "result")
        found.trainings.append({"model": row.name, **{key: clean_of_paths(recipe.get(key)) for key in keys}})
    elif row.kind == "merge" and "recipe" in recipe:
        parts = ("recipe", "seed", "arithmetic", "dtype", "content_sha256", "versions")
        found.merges.append({"model": row.name, **{key: clean_of_paths(recipe.get(key)) for key in parts}})


def _note_source(workspace: Workspace, row: Model, found: Origins) -> None:
    """A model that others made: its licence, its files, its languages."""
    folder = workspace.absolute(row.folder)
    place = folder if folder.is_dir() else None
    found.licences.append(licence_of_folder(row.name, place, str(row.info.get("licence") or "")))
    if place is None:
        return
    found.folders[row.name] = place
    languages = front_matter(place).get("language") or []
    for language in [languages] if isinstance(languages, str) else languages:
        if isinstance(language, str) and language not in found.languages:
            found.languages.append(language)


def pathless(text: str) -> str:
    """A name without the folders of this machine, should it be a path; a Hub id stays."""
    parts = [part for one in text.split("+") for part in [_last(one)]]
    return "+".join(parts)


def _last(text: str) -> str:
    windows = PureWindowsPath(text)
    if windows.drive or windows.root or "\\" in text:
        return windows.name or text
    if text.startswith((".", "~", "/")) or text.count("/") > 1:
        return PurePosixPath(text).name or text
    return text


def clean_of_paths(value: Any) -> Any:
    """A copy of a JSON value in which strings are `pathless`."""
    if isinstance(value, dict):
        return {pathless(key): clean_of_paths(one) for key, one in value.items()}
    if isinstance(value, list):
        return [clean_of_paths(one) for one in value]
    return pathless(value) if isinstance(value, str) else value


def model_files(folder: Path) -> Iterator[Path]:
    """The files of a Hugging Face folder that are the model: weights, configs, tokenizer."""
    from engine.models.inspect import weight_files
    from engine.models.tokenizer import TOKENIZER_FILES

    names = ("config.json", "generation_config.json", WEIGHTS_INDEX, "bakeoff.json", *TOKENIZER_FILES)
    yield from (folder / name for name in names if (folder / name).is_file())
    yield from weight_files(folder)


def adapter_files(folder: Path) -> list[Path]:
    """The files of an adapter's folder that are passed on."""
    return [file for file in sorted(folder.iterdir()) if file.is_file() and file.name != "README.md"]
