"""From a model's name in a recipe to the folder it lies in."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.errors import BakeoffError, Words
from engine.files import read_json, sha256_file
from engine.merging.errors import MergeError, shortened
from engine.merging.recipe import ModelRef
from engine.models.inspect import weights_sha256

#: Finds a model by name: its folder, (base folder, adapter folder), or None where it knows no such name.
Resolve = Callable[[str], "Path | tuple[Path, Path] | None"]


@dataclass(frozen=True)
class Located:
    """Where a model lies.

    Attributes:
        folder: The folder with its weights (the base's, for an adapter).
        adapter: The adapter to fold in, if any.
    """

    folder: Path
    adapter: Path | None = None


class Locator:
    """Looks a name up with the caller's function, then as a path.

    A relative path is tried from the current folder, from the recipe's, and from the one around that
    (recipes often lie in a folder beside the models).

    A name that both know must mean the same model: nobody could tell which of two was merged.

    Args:
        resolve: The caller's function.
        recipe_file: Where the recipe lies, if it is a file.
        working_folder: Taken for the current folder.
    """

    def __init__(
        self,
        resolve: Resolve | None = None,
        recipe_file: Path | None = None,
        working_folder: Path | None = None,
    ) -> None:
        self._resolve = resolve
        self._roots = [working_folder or Path.cwd()]
        if recipe_file is not None:
            folder = recipe_file.absolute().parent
            self._roots += [folder, folder.parent]

    def locate(self, reference: ModelRef) -> Located:
        """Where the model of a recipe lies.

        Raises:
            MergeError: There is no such model, there are two, or it is an adapter without its base.
        """
        if reference.adapter is not None:
            whole = self._find(str(reference))  # a '+' may also be a part of a folder's name
            if whole is not None:
                return self._complete(whole)
        found = self._find(reference.path)
        if found is None:
            raise self._unknown(reference.path)
        located = self._complete(found)
        if reference.adapter is None:
            return located
        if located.adapter is not None:
            raise MergeError(
                "merge.two_adapters",
                "'{model}' would put one adapter on another.",
                fix="Merge the first adapter into its base, and use the result.",
                model=str(reference),
            )
        adapter = self._find(reference.adapter)
        if adapter is None:
            raise self._unknown(reference.adapter)
        return Located(located.folder, adapter if isinstance(adapter, Path) else adapter[1])

    def _complete(self, found: Path | tuple[Path, Path]) -> Located:
        """Add the base to a bare adapter folder."""
        if not isinstance(found, Path):
            return Located(*found)
        if (found / "config.json").exists() or not (found / "adapter_config.json").exists():
            return Located(found)
        base = self._base_of(found)
        if base is None:
            raise MergeError(
                "merge.adapter_without_base",
                "{file} is an adapter, and its base cannot be found.",
                fix="Write it as BASE+ADAPTER in the recipe.",
                file=str(found),
            )
        return Located(base, found)

    def _base_of(self, adapter: Path) -> Path | None:
        """The base that an adapter names: as PEFT does, or as the workspace did where it was trained."""
        config, ours = (read_json(adapter / name) for name in ("adapter_config.json", "bakeoff.json"))
        named = config.get("base_model_name_or_path") if isinstance(config, dict) else None
        found = self._find(str(named)) if named else None
        if isinstance(found, Path):
            return found
        known = ours.get("base") if isinstance(ours, dict) else None
        if not isinstance(known, dict) or not known.get("name"):
            return None
        found = self._find(str(known["name"]))
        # In another workspace this name may be another model's.
        same = isinstance(found, Path) and weights_sha256(found) == known.get("sha256")
        return found if isinstance(found, Path) and same else None

    def _find(self, name: str) -> Path | tuple[Path, Path] | None:
        folder = self._folder(name)
        try:
            named = self._resolve(name) if self._resolve is not None else None
        except BakeoffError:
            if folder is None:
                raise
            return folder  # the workspace's own files are gone
        if named is None or (isinstance(named, Path) and not named.is_dir()):
            return folder
        theirs = named if isinstance(named, Path) else named[1]
        if folder is not None and not _same_weights(folder, theirs):
            raise MergeError(
                "merge.model_ambiguous",
                "'{model}' is the folder {folder} and also a model of the workspace, at {file}.",
                fix="Write './{model}' in the recipe for the first, or the second's folder.",
                model=name,
                folder=str(folder),
                file=str(theirs),
            )
        return named

    def _folder(self, name: str) -> Path | None:
        """The folder that a name is the path of, if there is one."""
        path = _expanded(name)
        return next((root / path for root in self._roots if _is_folder(root / path)), None)

    def _unknown(self, name: str) -> BakeoffError:
        """The error for a name that nothing answers to, with the nearest folder as a hint."""
        path = _expanded(name)
        hint = Words("Give its folder, or add it first with 'bakeoff model add'.")
        for root in self._roots:
            around = (root / path).parent
            if _is_folder(around):
                names = [entry.name for entry in around.iterdir() if entry.is_dir()]
                close = difflib.get_close_matches(path.name, names, n=1)
                if close:
                    hint = Words("Did you mean '{name}'?", name=(path.parent / close[0]).as_posix())
                    break
        return MergeError(
            "merge.model_unknown",
            "There is no model '{model}'.",
            fix="{hint}",
            model=shortened(name),
            hint=hint,
        )


def _expanded(name: str) -> Path:
    path = Path(name)
    try:
        return path.expanduser()
    except RuntimeError:  # '~somebody', who is not known here
        return path


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # longer than a path can be
        return False


def _same_weights(first: Path, second: Path) -> bool:
    """Whether two folders are one, or hold the same weights."""
    if first.resolve() == second.resolve():
        return True
    files = [sorted(folder.glob("*.safetensors")) for folder in (first, second)]
    facts = [[(file.name, file.stat().st_size) for file in group] for group in files]
    return (
        bool(files[0])
        and facts[0] == facts[1]
        and all(sha256_file(one) == sha256_file(other) for one, other in zip(*files, strict=True))
    )
