"""A GGUF file in memory, and contexts in which it computes."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from engine.errors import Words
from engine.gguf_header import check_gguf
from engine.inference.errors import AnsweringError
from engine.inference.llama.library import forget_words, last_words, llama


class LlamaModel:
    """A loaded GGUF model. Use it as a context manager: leaving it frees the memory.

    Args:
        file: The GGUF file.
        gpu_layers: How many layers go to the accelerator; 0: none, negative: all.

    Attributes:
        trained_context: Tokens that the model was made for.
        tokens: Rows of its embedding.

    Raises:
        AnsweringError: llama.cpp cannot load the file.
        GgufError: The file is damaged.
    """

    def __init__(self, file: Path, *, gpu_layers: int = 0) -> None:
        self._handle: Any = None
        if not file.is_file():
            raise AnsweringError(
                "answers.no_file",
                "There is no GGUF file {file}.",
                fix="Export the model again.",
                file=str(file),
            )
        check_gguf(file)
        options = llama().llama_model_default_params()
        options.n_gpu_layers = gpu_layers
        forget_words()
        self._handle = llama().llama_model_load_from_file(str(file).encode("utf-8"), options)
        if not self._handle:
            raise AnsweringError(
                "answers.not_loadable",
                "llama.cpp cannot load {file}: {reason}.",
                fix="Check that the file is whole, or export the model again.",
                file=str(file),
                reason=last_words().rstrip(".") or Words("it does not say why"),
            )
        self.trained_context: int = llama().llama_model_n_ctx_train(self._handle)
        self.vocabulary: Any = llama().llama_model_get_vocab(self._handle)
        self.tokens: int = llama().llama_vocab_n_tokens(self.vocabulary)

    def ends(self, token: int) -> bool:
        """Whether the file's own vocabulary has ``token`` end a text."""
        return bool(llama().llama_vocab_is_eog(self.vocabulary, token))

    @property
    def handle(self) -> Any:
        """llama.cpp's own handle."""
        return self._handle

    def close(self) -> None:
        """Free the memory; a second time does nothing."""
        handle, self._handle = self._handle, None
        if handle:
            llama().llama_model_free(handle)

    def __enter__(self) -> LlamaModel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        with suppress(Exception):
            self.close()
