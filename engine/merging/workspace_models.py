"""Lets recipes name models of a workspace, and enters them as parents. Loads no torch."""

from __future__ import annotations

from pathlib import Path

from engine.merging.recipe import ModelRef, Recipe
from engine.merging.references import Located, Locator, Resolve
from engine.models.errors import ModelError
from engine.models.inspect import weights_sha256
from engine.models.library import find_model
from engine.workspace import Workspace
from engine.workspace.adoption import NewParent
from engine.workspace.naming import NameUnknownError


def workspace_resolver(workspace: Workspace) -> Resolve:
    """Find models by their names in ``workspace``; an adapter comes with its base."""

    def resolve(name: str) -> Path | tuple[Path, Path] | None:
        try:
            model = find_model(workspace, name)
        except NameUnknownError:
            return None
        adapter = model.adapter_folder
        return model.folder if adapter is None else (model.base_folder, adapter)

    return resolve


def parents_of_merge(workspace: Workspace, recipe: Recipe, locator: Locator) -> list[NewParent]:
    """The parents as the catalogue knows them; those from outside by the hash of their files.

    ``base+adapter`` is two parents, unless the catalogue knows the whole by one name.
    """
    parents: dict[str, NewParent] = {}
    for reference in recipe.references:
        for name, place in _parts(reference, locator.locate(reference)):
            parents.setdefault(name, _parent(workspace, name, place))
    return list(parents.values())


def _parts(reference: ModelRef, located: Located) -> list[tuple[str, Located]]:
    """The names that a recipe gives to parts of a model, with what each stands for."""
    if reference.adapter is None or located.adapter is None:
        return [(str(reference), located)]
    return [
        (reference.path, Located(located.folder)),
        (reference.adapter, Located(located.adapter)),
    ]


def _parent(workspace: Workspace, name: str, located: Located) -> NewParent:
    """One parent: linked where the catalogue's model of this name is what was merged."""
    place = located.adapter or located.folder
    try:
        known = find_model(workspace, name)
    except (NameUnknownError, ModelError):
        known = None
    if known is not None and (
        known.folder.resolve() == place.resolve() or known.weights_sha256 == weights_sha256(place)
    ):
        return NewParent(id=known.id, name=known.name, sha256=known.weights_sha256)
    sha256 = weights_sha256(located.folder)
    if located.adapter is not None:
        sha256 = f"{sha256}+{weights_sha256(located.adapter)}"
    return NewParent(name=name, sha256=sha256)
