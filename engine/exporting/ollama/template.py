"""A model's chat template in Ollama's language, found by asking the model's own and proved by rendering both.

Jinja templates are programs, and Ollama reads another language (Go's). What they do to conversations is simpler than
either: texts stand before, between and after what is said. These are found by rendering conversations whose messages
are markers, put together anew, and compared with the original on conversations of other lengths and contents.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine.exporting.errors import ExportError
from engine.exporting.ollama.go_template import render
from engine.models.errors import TemplateError

if TYPE_CHECKING:
    from engine.models.template import ChatTemplate

Conversation = list[dict[str, str]]

#: What stands for messages while the template is asked; nothing that a template looks for.
_MARKERS: Final = {
    "s": "MarkerOfTheSystem",
    "u": "MarkerOfTheUser",
    "a": "MarkerOfTheAnswer",
    "v": "MarkerOfTheNextUser",
}
_ROLES: Final = {"s": "system", "u": "user", "a": "assistant", "v": "user"}
#: Who speaks in the conversations that are compared.
_SHAPES: Final = ("u", "su", "uau", "suau", "uauau", "suauau", "suauauau")
#: What they say: lines, quotes, braces of both languages, other scripts, nothing that looks like a control token.
_SAID: Final = (
    "Be brief.",
    'Where is "Oslo"?\n\nAnswer in one line: {{ .Content }} {% if %}',
    "In Norway, 60° north.",
    "And 北京 🙂?  Two  spaces",
    "- a list\n- of two",
    "Thanks, it's `fine`",
    "You are welcome!",
    "Bye",
)


@dataclass(frozen=True)
class OllamaTemplate:
    """A template that Ollama renders like the model's own.

    Attributes:
        text: In Go's language.
        begins: The special token that it leaves to llama.cpp to put before every prompt; empty: none.
        compared: How many conversations were rendered by both, and found equal.
        trims: The model's own template removes white space around messages, which Ollama cannot.
    """

    text: str
    begins: str
    compared: int
    trims: bool


def ollama_template(template: ChatTemplate, *, begins: str) -> OllamaTemplate:
    """Write a chat template in Ollama's language.

    Args:
        template: The recorded rendering.
        begins: The token that llama.cpp puts before every prompt of this model's GGUF file; empty where it puts none.

    Raises:
        ExportError: It cannot be written exactly.
    """
    text = _written(template, begins)
    conversations = sample_conversations()
    for conversation in conversations:
        wanted, got = template.prompt_text(list(conversation)), begins + render(text, conversation)
        if wanted != got:
            raise _refused(f"a conversation of {len(conversation)} messages would read {_first(wanted, got)}")
    padded = [{"role": _ROLES[who], "content": f"  {who} \n"} for who in "suav"]
    trims = template.prompt_text(list(padded)) != begins + render(text, padded)
    return OllamaTemplate(text, begins, len(conversations), trims)


def sample_conversations() -> list[Conversation]:
    """Conversations of several lengths, with and without a system message, each ending with the user."""
    found = []
    for shape in _SHAPES:
        contents = iter(_SAID if shape.startswith("s") else _SAID[1:])
        found.append([{"role": _ROLES[who], "content": next(contents)} for who in shape])
    return found


def _written(template: ChatTemplate, begins: str) -> str:
    """The template put together of the texts that stand around messages."""
    prefix, tail = _texts(template, "u")
    first, to_answer, to_user, last = _texts(template, "uav")
    if (first, last) != (prefix, tail):
        raise _refused("the first and the last message stand in other words once there is an answer")
    if not prefix.startswith(begins):
        raise _refused(f"llama.cpp begins every prompt with {begins}, and the chat template does not")
    prefix = prefix.removeprefix(begins)
    if _order(template, "suav") == "suav":
        opening, after, *rest = _texts(template, "suav")
        opening = opening.removeprefix(begins)
        if rest != [to_answer, to_user, last]:
            raise _refused("what stands around messages depends on whether there is a system message")
        shown = f"{_go(opening)}{{{{ .System }}}}{_go(after)}"
        head = f"{{{{ if .System }}}}{shown}{{{{ else }}}}{_go(prefix)}{{{{ end }}}}"
        before_last = ""
    else:
        before, after = _system_in_last(template, prefix=prefix, begins=begins, to_user=to_user)
        head = _go(prefix)
        before_last = (
            f"{{{{ if and $last $.System }}}}{_go(before)}{{{{ $.System }}}}{_go(after)}{{{{ end }}}}"
        )
    return (
        f"{head}{{{{ range $i, $_ := .Messages }}}}{{{{ $last := eq (len (slice $.Messages $i)) 1 }}}}"
        f'{{{{ if eq .Role "user" }}}}{before_last}{{{{ .Content }}}}'
        f"{{{{ if $last }}}}{_go(tail)}{{{{ else }}}}{_go(to_answer)}{{{{ end }}}}"
        f'{{{{ else if eq .Role "assistant" }}}}{{{{ .Content }}}}{{{{ if not $last }}}}{_go(to_user)}{{{{ end }}}}'
        f"{{{{ end }}}}{{{{ end }}}}"
    )


def _system_in_last(template: ChatTemplate, *, prefix: str, begins: str, to_user: str) -> tuple[str, str]:
    """What stands around the system text where it comes with the last user message, as Mistral has it."""
    if _order(template, "suav") != "uasv":
        raise _refused("the system message stands neither first nor with the last question")
    first, _, before, after, _ = _texts(template, "suav")
    if first.removeprefix(begins) != prefix or not before.startswith(to_user):
        raise _refused("what stands around messages depends on whether there is a system message")
    return before.removeprefix(to_user), after


def _texts(template: ChatTemplate, who: str) -> list[str]:
    """The texts around the markers of a conversation, in the order in which they are shown."""
    rendered = _rendered(template, who)
    return re.split("|".join(_MARKERS[one] for one in who), rendered)


def _order(template: ChatTemplate, who: str) -> str:
    """In which order the template shows the messages of a conversation."""
    rendered = _rendered(template, who)
    return "".join(sorted(who, key=lambda one: rendered.index(_MARKERS[one])))


def _rendered(template: ChatTemplate, who: str) -> str:
    messages = [{"role": _ROLES[one], "content": _MARKERS[one]} for one in who]
    try:
        rendered = template.prompt_text(list(messages))
    except TemplateError as error:
        raise _refused(error.message.rstrip(".")) from error
    for one in who:
        count = rendered.count(_MARKERS[one])
        if count != 1:
            raise _refused(f"it shows the {_ROLES[one]} message {count} times")
    return rendered


def _go(text: str) -> str:
    """Text in Go's language, which stays itself also between the three quotes of a Modelfile."""
    # What Go would take for the beginning of an action, or Ollama for the end of the template.
    return re.sub(r'\{(?=\{|\Z)|"(?="|\Z)', lambda one: f"{{{{ `{one[0]}` }}}}", text)


def _first(wanted: str, got: str) -> str:
    """Where two renderings part, briefly."""
    place = next(
        (n for n, (one, other) in enumerate(zip(wanted, got, strict=False)) if one != other),
        min(len(wanted), len(got)),
    )
    start = max(place - 10, 0)
    return f"{got[start : place + 20]!r} instead of {wanted[start : place + 20]!r}"


def _refused(reason: str) -> ExportError:
    return ExportError(
        "ollama.template_inexact",
        "The model's chat template cannot be written exactly in Ollama's language: {reason}.",
        fix="Take --as gguf and run the file with llama.cpp, which reads the model's own template from it.",
        reason=reason,
    )


def stop_texts(template: ChatTemplate, special: Sequence[str]) -> list[str]:
    """Texts at which an answer ends: its stop tokens, or what opens the next turn where there are none."""
    if special:
        return list(special)
    following = _texts(template, "uav")[2].strip()
    return [following] if following else []
