"""From a model's name in a recipe to the folder it lies in."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.errors import BakeoffError
from engine.files import read_json
from engine.merging.errors import MergeError
from engine.merging.recipe import ModelRef

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

    Args:
        resolve: The caller's function.
        recipe_file: Where the recipe lies, if it is a file.
    """

    def __init__(self, resolve: Resolve | None = None, recipe_file: Path | None = None) -> None:
        self._resolve = resolve
        self._roots = [Path.cwd()]
        if recipe_file is not None:
            folder = recipe_file.absolute().parent
            self._roots += [folder, folder.parent]

    def locate(self, reference: ModelRef) -> Located:
        """Where the model of a recipe lies.

        Raises:
            MergeError: There is no such model, or an adapter without its base.
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
        config = read_json(found / "adapter_config.json")
        named = config.get("base_model_name_or_path") if isinstance(config, dict) else None
        base = self._find(str(named)) if named else None
        if not isinstance(base, Path):
            raise MergeError(
                "merge.adapter_without_base",
                "{file} is an adapter, and its base cannot be found.",
                fix="Write it as BASE+ADAPTER in the recipe.",
                file=str(found),
            )
        return Located(base, found)

    def _find(self, name: str) -> Path | tuple[Path, Path] | None:
        if self._resolve is not None:
            found = self._resolve(name)
            if found is not None and (not isinstance(found, Path) or found.is_dir()):
                return found
        path = Path(name).expanduser()
        for root in self._roots:
            if (root / path).is_dir():
                return root / path
        return None

    def _unknown(self, name: str) -> BakeoffError:
        """The error for a name that nothing answers to, with the nearest folder as a hint."""
        path = Path(name).expanduser()
        for root in self._roots:
            around = (root / path).parent
            if around.is_dir():
                names = [entry.name for entry in around.iterdir() if entry.is_dir()]
                close = difflib.get_close_matches(path.name, names, n=1)
                if close:
                    hint = f"Did you mean '{(path.parent / close[0]).as_posix()}'?"
                    return MergeError(
                        "merge.model_unknown",
                        "There is no model '{model}'.",
                        fix="{hint}",
                        model=name,
                        hint=hint,
                    )
        return MergeError(
            "merge.model_unknown",
            "There is no model '{model}'.",
            fix="Give its folder, or add it first with 'bakeoff model add'.",
            model=name,
        )
