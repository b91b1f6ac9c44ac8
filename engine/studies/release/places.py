"""Takes places of this machine out of the JSON files of a bundle, and leaves the rest of them as it is written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from engine.files import write_bytes
from engine.studies.release.origins import clean_of_paths, pathless

#: What configs note about the folders of those who saved them; nobody reads it.
_NOTED: Final = (
    "_name_or_path",
    "name_or_path",
    "special_tokens_map_file",
    "tokenizer_file",
    "vocab_file",
    "merges_file",
    "cache_dir",
)
#: Where Bakeoff notes how a model was made.
PROVENANCE: Final = "bakeoff.json"
#: Large, and without places.
_SPARED: Final = "tokenizer.json"
_INDENT: Final = re.compile(r"[{\[]\r?\n([ \t]+)\S")

Json = dict[str, Any]


def forget_places(folder: Path, known: Iterable[Path]) -> None:
    """Take paths of this machine out of the JSON files of a folder.

    Args:
        folder: Whose files, not those of its own folders.
        known: Folders that no file may name: the workspace, the model's own, the user's.
    """
    places = _pattern(known)
    for file in sorted(folder.glob("*.json")):
        if file.name == PROVENANCE:
            change_json(file, clean_of_paths)
        elif file.name != _SPARED:
            change_json(file, lambda config: _without(config, places))


def change_json(file: Path, change: Callable[[Json], Json]) -> None:
    """Write a JSON file anew in the form that it has, if there is something to change; other files stay.

    Args:
        file: The file.
        change: Makes new content of the old, which it leaves alone.
    """
    text = file.read_text(encoding="utf-8")
    content = json.loads(text)
    if not isinstance(content, dict):
        return
    changed = change(content)
    if changed == content:
        return
    indent = _INDENT.match(text)
    written = json.dumps(changed, ensure_ascii=text.isascii(), indent=indent[1] if indent else None)
    ending = text[len(text.rstrip()) :]
    write_bytes(file, (written + ending).encode(), durable=False)


def _without(config: Json, places: re.Pattern[str] | None) -> Json:
    left = {key: value for key, value in config.items() if key not in _NOTED}
    return {key: _cleaned(value, places) for key, value in left.items()} if places else left


def _cleaned(value: Any, places: re.Pattern[str] | None) -> Any:
    """A copy of a JSON value in which no string names a place."""
    if isinstance(value, dict):
        return {key: _cleaned(one, places) for key, one in value.items()}
    if isinstance(value, list):
        return [_cleaned(one, places) for one in value]
    if not isinstance(value, str) or places is None or not places.search(value):
        return value
    return pathless(value) if places.match(value) else places.sub(".", value)


def _pattern(known: Iterable[Path]) -> re.Pattern[str] | None:
    """Finds any of these folders at the beginning of a path."""
    texts = {text for place in known for text in (str(place), place.as_posix()) if len(text) > 1}
    if not texts:
        return None
    longest = sorted(texts, key=len, reverse=True)
    return re.compile(rf"(?:{'|'.join(re.escape(text) for text in longest)})(?![\w.\-])")
