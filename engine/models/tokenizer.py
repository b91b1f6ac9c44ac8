"""The tokenizer of a model folder, as transformers reads it, and the files that it is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from engine.errors import reason_of
from engine.models.auto import auto_class
from engine.models.errors import ModelError

#: Files that together are a tokenizer; copied verbatim from the base to whatever is made of it.
TOKENIZER_FILES: Final = (
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "chat_template.jinja",
)

#: Files of which a tokenizer needs at least one.
VOCABULARIES: Final = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "tekken.json",
    "spiece.model",
    "*.tiktoken",
    "*.spm",
)


def load_tokenizer(folder: Path, *, model: Path | None = None) -> Any:
    """The tokenizer of a model folder (never with code of its own).

    Args:
        folder: Where its files lie.
        model: Folder of the whole model where ``folder`` is an adapter's. The same files are read in another way
            without the model's config, so that an adapter would answer other tokens than it has learned.
    """
    if not any(next(folder.glob(pattern), None) for pattern in VOCABULARIES):
        raise ModelError(
            "model.no_tokenizer",
            "There is no tokenizer in {file}.",
            fix="Add the tokenizer files (tokenizer.json, tokenizer_config.json) to the folder.",
            file=str(folder),
        )
    try:
        how: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
        if model is not None and not (folder / "config.json").exists():
            how["config"] = auto_class("AutoConfig").from_pretrained(str(model), **how)
        return auto_class("AutoTokenizer").from_pretrained(str(folder), **how)
    except Exception as error:  # damaged files make the readers fail in any way
        raise ModelError(
            "model.no_tokenizer",
            "The tokenizer of {file} cannot be read: {reason}.",
            fix="Add the tokenizer files (tokenizer.json, tokenizer_config.json) to the folder.",
            file=str(folder),
            reason=reason_of(error),
        ) from error
