"""What can be wrong when a model is exported."""

from __future__ import annotations

from typing import Final

from engine.errors import BakeoffError

#: What to do about a model that is of no kind that is known here.
WAY_OUT: Final = (
    "Convert the model's folder with a converter of llama.cpp that knows it, then give its file to the same command "
    "with: --converted FILE.gguf"
)


class ExportError(BakeoffError):
    """A model that cannot be exported, or not like this."""

    title = "The model cannot be exported"
