"""From a GGUF file of the workspace to what a server offers of it."""

from __future__ import annotations

from typing import Final

from engine.inference.serving.models import Offer
from engine.inference.serving.tool_calls import form_of, special_texts
from engine.inference.talking.client import ChildTalker, Loading
from engine.models.inspect import read_template
from engine.models.library import ExportedFile, ModelFiles

#: Tokens of a conversation at most, where nothing else is said.
CONTEXT: Final = 8192


def offer_of(name: str, files: ModelFiles, export: ExportedFile, context: int = CONTEXT) -> Offer:
    """What is offered under ``name``; it is loaded in a process of its own, once it is asked for.

    Where its template shows tools but does not write calls as JSON, the offer has no form for them
    (`calls_stay_text`).
    """
    template = read_template(files.folder) or read_template(files.base_folder) or ""
    loading = Loading(export.file, files.folder, files.base_folder, context)
    shows_tools = "tools" in template and "tool_calls" in template
    form = None
    if shows_tools:
        special = special_texts(files.folder) or special_texts(files.base_folder)
        form = form_of(template, special)
    fingerprint = f"{export.quantisation}-{export.sha256[:12]}"
    return Offer(name, fingerprint, shows_tools, lambda: ChildTalker(loading), form)


def calls_stay_text(offer: Offer) -> bool:
    """Whether the model is shown tools, and its calls of them come as text."""
    return offer.shows_tools and offer.calls is None
