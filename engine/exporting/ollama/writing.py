"""The Modelfile of a model of the workspace, made before its GGUF file and compared with it afterwards."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import Words
from engine.exporting.ollama.go_template import render
from engine.exporting.ollama.modelfile import Modelfile, parameters_for, read_modelfile
from engine.exporting.ollama.template import ollama_template, sample_conversations, stop_texts
from engine.exporting.parity import compare_prompts
from engine.progress import Reporter
from engine.workspace.naming import slug

if TYPE_CHECKING:
    from engine.models.library import ModelFiles
    from engine.models.template import ChatTemplate


def gguf_name(model: str, quantisation: str) -> str:
    """How a GGUF file is called that nobody has named."""
    return f"{slug(model)}-{quantisation}.gguf"


def ollama_name(model: str) -> str:
    """What a model may be called in Ollama: small ASCII letters, digits, hyphens, dots and underscores.

    A name of which more changes than the case gets a part of its hash, so that it stays apart from others like it.
    """
    plain = unicodedata.normalize("NFKD", model.replace("ß", "ss"))
    letters = "".join(one for one in plain if not unicodedata.combining(one))
    name = (
        re.sub(r"\.{2,}", ".", re.sub(r"[^a-z0-9._\-]+", "-", letters.lower()))
        .strip("-._")[:60]
        .rstrip("-._")
    )
    if name and name == model.lower():
        return name
    return "-".join(part for part in (name, hashlib.sha256(model.encode()).hexdigest()[:6]) if part)


def modelfile_of(
    files: ModelFiles,
    template: ChatTemplate,
    name: str,
    begins: str,
    reporter: Reporter,
    *,
    licence: str = "",
) -> Modelfile:
    """What Ollama has to know about a model.

    Args:
        files: The model.
        template: Its recorded rendering.
        name: Of the GGUF file beside the Modelfile.
        begins: The token that llama.cpp puts before every prompt of that file; empty: none.
        reporter: Hears what was decided.
        licence: The text of its licence, if it is to be shown by Ollama.

    Raises:
        ExportError: The chat template cannot be written exactly in Ollama's language.
    """
    written = ollama_template(template, begins=begins)
    if written.trims:
        reporter.decision(
            "white_space",
            Words("as it is typed"),
            "the chat template removes it around messages, and Ollama's language cannot",
        )
    parameters = parameters_for(files.info.context)
    reporter.decision(
        "ollama_parameters",
        ", ".join(f"{key} {value}" for key, value in parameters.items()),
        "the likeliest token at every place, as the model was ranked",
    )
    stops = stop_texts(template, [template.tokenizer.decode([token]) for token in template.stop_ids])
    notes = (
        f"{files.name}, written by Bakeoff. The template was rendered beside the model's own on "
        f"{written.compared} conversations, and both gave the same text.",
        "Answers are the likeliest ones, as they were ranked; raise the temperature for more variety.",
        f"Use it with: ollama create {ollama_name(files.name)} -f Modelfile",
    )
    return Modelfile(name, written.text, tuple(stops), parameters, licence, notes)


def check_prompts(
    file: Path, template: ChatTemplate, modelfile: Modelfile, begins: str, reporter: Reporter
) -> dict[str, Any]:
    """Compare what the model sees through Ollama, in tokens, with what it saw in training.

    Args:
        file: The GGUF file.
        template: The model's recorded rendering.
        modelfile: What is told to Ollama.
        begins: See `modelfile_of`.
        reporter: Is warned of differences.
    """
    text = read_modelfile(modelfile.text()).template
    prompts = [(render(text, talk), template.prompt_text(list(talk))) for talk in sample_conversations()]
    different = compare_prompts(file, template.tokenizer, prompts)
    if different:
        reporter.event(
            "warning",
            message=Words(
                "Through Ollama, {different} of {prompts} conversations become other tokens than the model was "
                "trained on, although their text is the same.",
                different=different,
                prompts=len(prompts),
            ),
        )
    return {
        "conversations": len(prompts),
        "different_text": sum(begins + given != whole for given, whole in prompts),
        "different_tokens": different,
        "stops": list(modelfile.stops),
        "parameters": dict(modelfile.parameters),
    }
