"""A streamed completion, gathered into the document that an unstreamed one would have been."""

from __future__ import annotations

from typing import Any


class Gathered:
    """Chunks of a completion, as OpenAI's client gives them.

    Attributes:
        begun: Whether any text has come.
    """

    def __init__(self) -> None:
        self.begun = False
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._finish = ""
        self._model = ""
        self._usage: dict[str, Any] = {}

    def add(self, chunk: Any) -> str:
        """Take a chunk; returns the text that it adds."""
        self._model = chunk.model or self._model
        if chunk.usage is not None:
            self._usage = chunk.usage.model_dump()
        if not chunk.choices:
            return ""
        choice = chunk.choices[0]
        self._finish = choice.finish_reason or self._finish
        self._refusal.append(choice.delta.refusal or "")
        piece: str = choice.delta.content or ""
        self._text.append(piece)
        self.begun = self.begun or bool(piece)
        return piece

    def document(self) -> dict[str, Any]:
        """The completion.

        Raises:
            ValueError: The stream ended before the answer did.
        """
        if not self._finish:
            raise ValueError("no finish_reason")
        message = {"content": "".join(self._text), "refusal": "".join(self._refusal) or None}
        choice = {"message": message, "finish_reason": self._finish}
        return {"choices": [choice], "usage": self._usage, "model": self._model}
