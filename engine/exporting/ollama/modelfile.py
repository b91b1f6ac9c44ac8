"""The Modelfile: what Ollama is told about a GGUF file. Written, and read back to prove what was written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from engine.exporting.errors import ExportError

#: How the file is called.
MODELFILE: Final = "Modelfile"
#: Longest conversation for which memory is taken, unless the model was made for less.
CONTEXT: Final = 8192
_INSTRUCTION: Final = re.compile(
    r"^(?P<name>[A-Z]+)[ \t]+(?:(?P<key>[a-z_]+)[ \t]+(?=\S))?"
    r'(?:"""(?P<long>.*?)"""(?=[ \t]*(?:\n|\Z))|(?P<short>[^\n]*))',
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Modelfile:
    """What Ollama is told.

    Attributes:
        file: Name of the GGUF file beside it.
        template: See `engine.exporting.ollama.template`.
        stops: Texts at which an answer ends.
        parameters: Name to value.
        licence: The text of the model's licence; empty where it has none.
        notes: Comments at the top, a line each.
    """

    file: str
    template: str
    stops: Sequence[str]
    parameters: Mapping[str, str]
    licence: str = ""
    notes: Sequence[str] = field(default=())

    def text(self) -> str:
        """The file's text.

        Raises:
            ExportError: A name or a licence would be read differently.
        """
        lines = [f"# {note}" for note in self.notes]
        lines += [f"FROM ./{self.file}", f'TEMPLATE """{self.template}"""']
        lines += [f"PARAMETER {name} {value}" for name, value in self.parameters.items()]
        lines += [f"PARAMETER stop {_quoted(stop)}" for stop in self.stops]
        if self.licence:
            lines.append(f'LICENSE """{self.licence}"""')
        text = "\n".join([*lines, ""])
        if read_modelfile(text) != Modelfile(
            self.file, self.template, tuple(self.stops), dict(self.parameters), self.licence
        ):
            raise ExportError(
                "ollama.modelfile_unclear",
                "Ollama would read the Modelfile of {name} differently from what it is meant to say.",
                fix="Give the file a plain name, or use the GGUF file itself with llama.cpp.",
                name=self.file,
            )
        return text


def read_modelfile(text: str) -> Modelfile:
    """A Modelfile as Ollama reads it, as far as ours go."""
    file, template, licence, stops, parameters = "", "", "", [], {}
    text = re.sub(r"\A(?:#[^\n]*\n)+", "", text)
    for found in _INSTRUCTION.finditer(text):
        short = (found["short"] or "").strip()
        value = found["long"] if found["long"] is not None else _unquoted(short)
        if found["name"] == "FROM":
            file = value.removeprefix("./")
        elif found["name"] == "TEMPLATE":
            template = value
        elif found["name"] == "LICENSE":
            licence = value
        elif found["name"] == "PARAMETER" and found["key"] == "stop":
            stops.append(value)
        elif found["name"] == "PARAMETER" and found["key"]:
            parameters[found["key"]] = value
    return Modelfile(file, template, tuple(stops), parameters, licence)


def parameters_for(context: int) -> dict[str, str]:
    """The settings with which the model answers as it did when it was ranked: the likeliest token, unpunished.

    Args:
        context: Tokens that the model was made for; 0 where it is not known.
    """
    found = {"temperature": "0", "repeat_penalty": "1"}
    if context:
        found["num_ctx"] = str(min(context, CONTEXT))
    return found


def _quoted(text: str) -> str:
    return f'"""{text}"""' if "\n" in text or '"' in text else f'"{text}"'


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
