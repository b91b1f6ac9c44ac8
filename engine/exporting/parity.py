"""Whether a GGUF file reads text as the model does: the same tokens for the same prompts, the same template."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.errors import Words
from engine.exporting.errors import ExportError
from engine.gguf_header import check_gguf
from engine.inference.llama.library import forget_words, last_words, llama

#: Text that is compared whatever the task: spaces, numbers, punctuation, scripts, emoji, code.
PROBES: Final = (
    "Hello, world!  Two spaces,\ta tab\nand a new line.\n\n",
    "It's 3.14159 or 2,718; call 555-0100 at 7:45 p.m.",
    "Grüße, señor, 你好, नमस्ते, שלום, Привет 🙂👩‍🔬",
    '{"name": "Ada", "items": [1, 2.5, null], "ok": true}',
    "def f(x):\n    return x ** 2  # squared\n",
)


@dataclass(frozen=True)
class Parity:
    """What a comparison found.

    Attributes:
        texts: How many were compared.
        different: Those that did not become the same tokens.
        template: Whether the file holds the recorded chat template.
    """

    texts: int
    different: tuple[str, ...]
    template: bool

    def as_dict(self) -> dict[str, Any]:
        """What is stored with the export."""
        return {"texts": self.texts, "different": len(self.different), "template": self.template}


def compare_tokens(file: Path, tokenizer: Any, texts: Iterable[str], chat_template: str) -> Parity:
    """Compare the tokens that llama.cpp makes of ``texts`` with those of ``tokenizer``.

    Args:
        file: The GGUF file.
        tokenizer: The model's own.
        texts: As they are given to the model, special tokens written out.
        chat_template: The recorded rendering.

    Raises:
        ExportError: llama.cpp cannot load the file.
        GgufError: The file is damaged.
    """
    different, count = [], 0
    with _vocabulary(file) as (vocabulary, template):
        for text in texts:
            count += 1
            if _tokens(vocabulary, text) != tokenizer(text, add_special_tokens=False)["input_ids"]:
                different.append(text)
    return Parity(count, tuple(different), template == chat_template)


def token_before_prompts(file: Path) -> str:
    """The special token that llama.cpp by itself puts before every prompt of a GGUF file; empty: none.

    Raises:
        ExportError: llama.cpp cannot load the file.
    """
    with _vocabulary(file) as (vocabulary, _):
        if not llama().llama_vocab_get_add_bos(vocabulary):
            return ""
        text = llama().llama_vocab_get_text(vocabulary, llama().llama_vocab_bos(vocabulary))
    return text.decode("utf-8") if text else ""


def compare_prompts(file: Path, tokenizer: Any, prompts: Iterable[tuple[str, str]]) -> int:
    """In how many prompts a program that leaves the first token to llama.cpp sees other tokens than the model knows.

    Args:
        file: The GGUF file.
        tokenizer: The model's own.
        prompts: Each as that program gives it to llama.cpp, and as it was in training.
    """
    with _vocabulary(file) as (vocabulary, _):
        return sum(
            _tokens(vocabulary, given, begin=True) != tokenizer(whole, add_special_tokens=False)["input_ids"]
            for given, whole in prompts
        )


def _tokens(vocabulary: Any, text: str, *, begin: bool = False) -> list[int]:
    """The tokens of a text; with ``begin`` those that llama.cpp adds by itself as well."""
    raw = text.encode("utf-8")
    room = (llama().llama_token * (len(raw) + 8))()
    count = llama().llama_tokenize(vocabulary, raw, len(raw), room, len(room), begin, True)
    return list(room[: max(count, 0)])


@contextmanager
def _vocabulary(file: Path) -> Iterator[tuple[Any, str | None]]:
    """The vocabulary of a GGUF file, its weights left unread, and its chat template."""
    check_gguf(file)
    options = llama().llama_model_default_params()
    options.vocab_only = True
    forget_words()
    model = llama().llama_model_load_from_file(str(file).encode("utf-8"), options)
    if not model:
        raise ExportError(
            "export.not_loadable",
            "llama.cpp cannot load {file}: {reason}.",
            fix="Export again; if it stays so, report the model's architecture.",
            file=str(file),
            reason=last_words().rstrip(".") or Words("it does not say why"),
        )
    try:
        template = llama().llama_model_chat_template(model, None)
        yield llama().llama_model_get_vocab(model), template.decode("utf-8") if template else None
    finally:
        llama().llama_model_free(model)
