"""Tokenizers of unequal models: whose tokens the output has, and which rows that means. Knows no tensors."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.files import sha256_file
from engine.merging.errors import MergeError
from engine.weights.model_folder import copy_tokenizer

_FILE: Final = "tokenizer.json"


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of a tokenizer.

    Attributes:
        folder: Where its files lie.
        ids: Id of each token.
        special: Those that mark structure rather than text.
    """

    folder: Path
    ids: dict[str, int]
    special: frozenset[str]


@dataclass(frozen=True)
class OutputVocabulary:
    """The tokens of a merge.

    Attributes:
        source: Folder of the tokenizer whose files are copied.
        ids: Id of each token in the output.
        rows: Rows of the output's embedding and head.
        added: Tokens that other models bring into that tokenizer, in order of their new ids.
        by_model: The vocabularies of the models, in the plan's order.
        special: Which of the added tokens mark structure.
    """

    source: Path
    ids: dict[str, int]
    rows: int
    added: tuple[str, ...]
    by_model: tuple[Vocabulary, ...]
    special: frozenset[str] = frozenset()

    def token_of_row(self) -> list[str | None]:
        """The token of every row; None for a row without one."""
        tokens: list[str | None] = [None] * self.rows
        for token, row in self.ids.items():
            tokens[row] = token
        return tokens


def read_vocabulary(folder: Path) -> Vocabulary:
    """The tokens of the tokenizer in ``folder``.

    Raises:
        MergeError: There is no ``tokenizer.json``, or it cannot be understood.
    """
    file = folder / _FILE
    try:
        content = json.loads(file.read_bytes())
        vocab = content["model"]["vocab"]
        # Unigram tokenizers list [token, score] in order of the ids; the others map tokens to ids.
        ids = (
            {str(token): int(number) for token, number in vocab.items()}
            if isinstance(vocab, dict)
            else {str(entry[0]): number for number, entry in enumerate(vocab)}
        )
        added = content.get("added_tokens") or []
        ids |= {str(entry["content"]): int(entry["id"]) for entry in added}
        special = frozenset(str(entry["content"]) for entry in added if entry.get("special"))
    except FileNotFoundError:
        raise MergeError(
            "merge.tokenizer_missing",
            "{file} does not exist, so the tokens of this model are not known.",
            fix="Add the model's fast tokenizer, or leave out tokenizer_source.",
            file=str(file),
        ) from None
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as problem:
        raise MergeError(
            "merge.tokenizer_corrupt",
            "The tokenizer {file} cannot be understood.",
            fix="Copy the model's tokenizer files again.",
            file=str(file),
        ) from problem
    return Vocabulary(folder, ids, special)


def same_tokenizer(first: Path, second: Path) -> bool | None:
    """Whether two models have the same tokens at the same ids; None where that cannot be known."""
    files = [first / _FILE, second / _FILE]
    if not all(file.is_file() for file in files):
        return None
    if sha256_file(files[0]) == sha256_file(files[1]):
        return True
    try:
        return read_vocabulary(first).ids == read_vocabulary(second).ids
    except MergeError:
        return None


def plan_vocabulary(
    choice: str, folders: list[Path], reference: Path, chosen: Path | None, multiple: int | None
) -> OutputVocabulary:
    """Decide on the output's tokens.

    Args:
        choice: ``base``, ``union``, or anything else for the model in ``chosen``.
        folders: The models' folders, in the plan's order.
        reference: Folder of the base, or of the first model.
        chosen: Folder of the model that the recipe names.
        multiple: Make the number of rows a multiple of this.

    Raises:
        MergeError: A tokenizer cannot be read.
    """
    cache: dict[Path, Vocabulary] = {}

    def of(folder: Path) -> Vocabulary:
        if folder not in cache:
            cache[folder] = read_vocabulary(folder)
        return cache[folder]

    by_model = tuple(of(folder) for folder in folders)
    source = of(chosen if chosen is not None else reference)
    ids = dict(source.ids)
    added: list[str] = []
    special: set[str] = set()
    if choice == "union":
        following = max(ids.values(), default=-1) + 1
        for vocabulary in by_model:
            for token in sorted(vocabulary.ids, key=vocabulary.ids.__getitem__):
                if token not in ids:
                    ids[token] = following
                    following += 1
                    added.append(token)
                    if token in vocabulary.special:
                        special.add(token)
    rows = max(ids.values(), default=-1) + 1
    if multiple is not None:
        rows += -rows % multiple
    return OutputVocabulary(source.folder, ids, rows, tuple(added), by_model, frozenset(special))


def write_tokenizer(vocabulary: OutputVocabulary, folder: Path) -> list[str]:
    """Write the output's tokenizer: the source's files, with the added tokens put in."""
    copied = copy_tokenizer(vocabulary.source, folder)
    if vocabulary.added:
        content = json.loads((folder / _FILE).read_bytes())
        extended = _with_tokens(content, vocabulary)
        text = json.dumps(extended, ensure_ascii=False, indent=2)
        (folder / _FILE).write_text(text, encoding="utf-8")
    return copied


def _with_tokens(content: dict[str, Any], vocabulary: OutputVocabulary) -> dict[str, Any]:
    """Append tokens to a ``tokenizer.json``.

    They are added tokens, not entries of the model's table: a byte-pair tokenizer has no rule that
    would build them, and ids behind the last one must not move the tokens added before.
    """
    extended = copy.deepcopy(content)
    extended["added_tokens"] = [
        *(extended.get("added_tokens") or []),
        *(
            {
                "id": vocabulary.ids[token],
                "content": token,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": token in vocabulary.special,
            }
            for token in vocabulary.added
        ),
    ]
    return extended
