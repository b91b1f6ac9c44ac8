"""A model's tokenizer in the form that GGUF files have: tokens, their kinds, merges or scores, special tokens."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from gguf import GGUFWriter, LlamaHfVocab, SpecialVocab, TokenType

from engine.errors import Words
from engine.exporting.errors import WAY_OUT, ExportError
from engine.files import read_json
from engine.resources import resource

#: Scores of tokens that were added to a SentencePiece model, and of places that hold none.
_ADDED_SCORE: Final = -1000.0
_ABSENT_SCORE: Final = -10000.0
#: Tokens that control the conversation although their tokenizer does not say so.
_CONTROL: Final = re.compile(r"<pad>|<mask>|<2mass>|\[@BOS@\]|<\|.*\|>|<｜.*｜>|<unused.*>", re.DOTALL)
#: How SentencePiece writes a space.
_SPACE: Final = "\u2581"


@dataclass
class Vocabulary:
    """A tokenizer.

    Attributes:
        model: ``gpt2`` for byte pairs, ``llama`` for SentencePiece.
        pre: Which of llama.cpp's pre-tokenizers splits text before pairs are merged.
        tokens: Text of each token, in the order of ids.
        types: Kind of each token.
        special: Ids of special tokens, merges and the chat template, as the `gguf` package reads them.
        scores: Score of each token, for SentencePiece.
        space_prefix: Whether a space is put before a text; None: llama.cpp's default.
        add_bos: Whether a text begins with a special token, where it is to be told apart from ``special``.
        more_ids: Further special tokens.
    """

    model: str
    pre: str
    tokens: list[str] | list[bytes]
    types: list[int]
    special: SpecialVocab
    scores: list[float] | None = None
    space_prefix: bool | None = None
    add_bos: bool | None = None
    more_ids: dict[str, int] = field(default_factory=dict)

    def add_to(self, writer: GGUFWriter) -> None:
        """Put the tokenizer into a file's metadata."""
        writer.add_tokenizer_model(self.model)
        writer.add_tokenizer_pre(self.pre)
        writer.add_token_list(self.tokens)
        if self.scores is not None:
            writer.add_token_scores(self.scores)
        writer.add_token_types(self.types)
        self.special.add_to_gguf(writer, quiet=True)
        for name, token in self.more_ids.items():
            add = getattr(writer, f"add_{name}_token_id", None)
            if add is not None and name not in self.special.special_token_ids:
                add(token)
        if self.space_prefix is not None:
            writer.add_add_space_prefix(self.space_prefix)
        if self.add_bos is not None:
            self.special.add_special_token.pop("bos", None)
            writer.add_add_bos_token(self.add_bos)


def byte_pairs(folder: Path, size: int | None, *, config_folder: Path) -> Vocabulary:
    """The byte-pair tokenizer of a model folder.

    Args:
        folder: The model's folder, or that of an adapter with a tokenizer of its own.
        size: Rows of the embedding; places without a token get a name.
        config_folder: Where the model's config lies.

    Raises:
        ExportError: It is of another kind, splits text in a way that llama.cpp does not know, or has more tokens
            than the embedding has rows.
    """
    from engine.models.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(folder, model=config_folder)
    model = (read_json(folder / "tokenizer.json") or {}).get("model", {})
    if model.get("type") != "BPE":
        raise ExportError(
            "export.tokenizer_unknown",
            "The tokenizer of {file} ({kind}) is of no kind that can be exported.",
            fix=WAY_OUT,
            file=str(folder),
            kind=model.get("type") or Words("without tokenizer.json"),
        )
    names = {token: name for name, token in tokenizer.get_vocab().items()}
    size = len(names) if size is None else size
    _require_room(names, size, folder)
    added, known = tokenizer.get_added_vocab(), tokenizer.added_tokens_decoder
    tokens, types = [], []
    for token in range(size):
        name = names.get(token)
        if name is None:
            tokens.append(f"[PAD{token}]")
            types.append(TokenType.UNUSED)
        elif name not in added:
            tokens.append(name)
            types.append(TokenType.NORMAL)
        else:
            text = name
            if not known[token].normalized:
                text = tokenizer.decode(tokenizer.encode(name, add_special_tokens=False))
            if known[token].special or _CONTROL.fullmatch(text):
                types.append(TokenType.CONTROL)
            else:
                text = text.replace(_SPACE, " ")
                types.append(TokenType.USER_DEFINED)
            tokens.append(text)
    special = SpecialVocab(folder, load_merges=True)
    if not special.merges:
        raise ExportError(
            "export.no_merges",
            "The tokenizer of {file} merges no bytes, and llama.cpp takes none like it.",
            fix="Use a model with a byte-pair or SentencePiece tokenizer.",
            file=str(folder),
        )
    return Vocabulary("gpt2", pre_tokenizer(tokenizer, folder), tokens, types, special)


def pre_tokenizer(tokenizer: Any, folder: Path) -> str:
    """llama.cpp's name for the way in which a tokenizer splits text, told by the tokens that it makes of a probe.

    Raises:
        ExportError: llama.cpp does not know it.
    """
    known = _pre_tokenizers()
    tokens = tokenizer.encode(known["probe"])
    found = known["pre_tokenizers"].get(hashlib.sha256(str(tokens).encode()).hexdigest())
    if found is None:
        raise ExportError(
            "export.pre_tokenizer_unknown",
            "llama.cpp may split text differently from the tokenizer of {file}, which it does not know by its hash.",
            fix=WAY_OUT,
            file=str(folder),
        )
    return str(found)


def sentence_pieces(folder: Path, size: int | None, *, with_json: bool = False) -> Vocabulary | None:
    """The SentencePiece tokenizer of a model folder; None where there is no ``tokenizer.model``.

    Args:
        folder: The model's folder.
        size: Rows of the embedding; None: as many as there are tokens.
        with_json: Added tokens are also those of ``tokenizer.json``.

    Raises:
        ExportError: The file is damaged.
    """
    file = folder / "tokenizer.model"
    if not file.is_file():
        return None
    pieces = _Pieces(_opened(file), size)
    for text, token in (read_json(folder / "added_tokens.json") or {}).items():
        pieces.put(int(token), text, TokenType.USER_DEFINED)
    config = read_json(folder / "tokenizer_config.json") or {}
    for token, entry in (config.get("added_tokens_decoder") or {}).items():
        pieces.put_added(int(token), entry, plain=with_json)
    if with_json:
        for entry in (read_json(folder / "tokenizer.json") or {}).get("added_tokens") or []:
            pieces.put_added(int(entry["id"]), entry, plain=True)
    special = SpecialVocab(folder, n_vocab=len(pieces.tokens))
    return Vocabulary("llama", "default", pieces.tokens, pieces.types, special, pieces.scores)


def llama_pieces(folder: Path) -> Vocabulary | None:
    """A tokenizer like SentencePiece's that only ``tokenizer.json`` holds; None where that holds another kind."""
    try:
        vocabulary = LlamaHfVocab(folder)
    except (OSError, TypeError, KeyError):
        return None
    tokens, scores, types = [], [], []
    for text, score, kind in vocabulary.all_tokens():
        tokens.append(text)
        scores.append(score)
        types.append(kind)
    return Vocabulary("llama", "default", tokens, types, SpecialVocab(folder, n_vocab=len(tokens)), scores)


class _Pieces:
    """Tokens of a SentencePiece model, to which others are added."""

    def __init__(self, processor: Any, size: int | None) -> None:
        size = processor.vocab_size() if size is None else size
        self.tokens = [f"[PAD{token}]".encode() for token in range(size)]
        self.scores = [_ABSENT_SCORE] * size
        self.types: list[int] = [TokenType.UNUSED] * size
        for token in range(min(size, processor.vocab_size())):
            self.tokens[token] = processor.IdToPiece(token).encode()
            self.scores[token] = processor.GetScore(token)
            self.types[token] = _kind(processor, token)

    def put(self, token: int, text: str, kind: TokenType) -> None:
        """Add a token; one beyond the embedding is left out."""
        if token < len(self.tokens):
            self.tokens[token] = text.encode()
            self.scores[token] = _ADDED_SCORE
            self.types[token] = kind

    def put_added(self, token: int, entry: dict[str, Any], *, plain: bool) -> None:
        """Add a token as the tokenizer's config describes it.

        Args:
            token: Its id.
            entry: Its text and whether it is special.
            plain: Its text tells nothing more.
        """
        text = str(entry["content"])
        if entry.get("special") or (not plain and _CONTROL.fullmatch(text)):
            self.put(token, text, TokenType.CONTROL)
        else:
            self.put(token, text if plain else text.replace(_SPACE, " "), TokenType.USER_DEFINED)


def _kind(processor: Any, token: int) -> TokenType:
    if processor.IsUnknown(token):
        return TokenType.UNKNOWN
    if processor.IsControl(token):
        return TokenType.CONTROL
    if processor.IsUnused(token):
        return TokenType.UNUSED
    return TokenType.BYTE if processor.IsByte(token) else TokenType.NORMAL


def _opened(file: Path) -> Any:
    from sentencepiece import SentencePieceProcessor

    processor = SentencePieceProcessor()
    try:
        processor.LoadFromFile(str(file))
    except (OSError, RuntimeError) as error:
        raise ExportError(
            "export.sentencepiece_damaged",
            "{file} cannot be read as a SentencePiece model.",
            fix="Download the model again.",
            file=str(file),
        ) from error
    return processor


def _require_room(names: dict[int, str], size: int, folder: Path) -> None:
    if max(names) < size:
        return
    raise ExportError(
        "export.too_many_tokens",
        "The tokenizer of {file} has tokens up to {last}, and the model's embedding has {size} rows.",
        fix="Use the tokenizer that the model was trained with.",
        file=str(folder),
        last=max(names),
        size=size,
    )


@cache
def _pre_tokenizers() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(resource("gguf", "pre_tokenizers.json").read_text(encoding="utf-8"))
    return found
