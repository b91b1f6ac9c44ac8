"""What the engine has chosen by itself, in the window's language: about what, what it is, and why. Knows no Qt."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from desktop.language import numeral, spoken, tr
from desktop.retold import retold

#: A choice as the engine puts it in a sentence (see `engine.inference.token_preview`).
_NOTE: Final = re.compile(r"(?P<subject>[^:()]+): (?P<choice>.+?) \((?P<reason>.+)\)\.", re.DOTALL)


def decision_words(subject: str, choice: Any, reason: str) -> str:
    """A choice of the engine in one line.

    Args:
        subject: The engine's key of what was chosen.
        choice: What it has chosen, as it came from JSON.
        reason: Why.
    """
    return tr(
        "{subject}: {choice} ({reason})",
        subject=subject_words(subject),
        choice=choice_words(choice),
        reason=retold(reason),
    )


def note_words(text: str) -> str:
    """A sentence that the engine has made of a choice; any other text of the engine as `retold` tells it."""
    found = _NOTE.fullmatch(text)
    subject = found["subject"].replace(" ", "_") if found is not None else ""
    if found is None or subject not in _known(spoken()):
        return retold(text)
    return f"{decision_words(subject, found['choice'], found['reason'])}."


def subject_words(subject: str) -> str:
    """What a choice is about; a key that is not known in its own words."""
    return _known(spoken()).get(subject) or subject.rpartition(".")[2].replace("_", " ")


def choice_words(choice: Any) -> str:
    """What was chosen: numbers in the language's marks, several things as a list, words of a program as they are."""
    if isinstance(choice, bool):
        return tr("yes") if choice else tr("no")
    if isinstance(choice, float):
        return numeral(choice, ".4g")
    if isinstance(choice, list | tuple):
        return ", ".join(map(choice_words, choice))
    return _short(choice) or retold(choice) if isinstance(choice, str) else str(choice)


def _short(choice: str) -> str:
    """Choices whose templates have too few words of their own to be found by them; empty for any other."""
    if found := re.fullmatch(r"(\d+) of (\d+)", choice):
        return tr("{layers} of {whole}", layers=found[1], whole=found[2])
    if found := re.fullmatch(r"([\d,]+) tokens", choice):
        return tr("{room:,} tokens", room=int(found[1].replace(",", "")))
    if found := re.fullmatch(r"the study (.+)", choice, re.DOTALL):
        return tr("the study {name}", name=found[1])
    return ""


@lru_cache(maxsize=2)
def _known(_language: str) -> dict[str, str]:
    return {
        "adapter": tr("adapter"),
        "answer_as": tr("how contestants answer"),
        "answer_room": tr("answers with little room"),
        "arithmetic": tr("arithmetic"),
        "chat_template": tr("chat template"),
        "config and tokenizer": tr("config and tokenizer"),
        "contestants": tr("contestants"),
        "context": tr("context"),
        "copy": tr("copy"),
        "dataset.container": tr("container"),
        "dataset.delimiter": tr("delimiter"),
        "dataset.encoding": tr("encoding"),
        "dataset.form": tr("form"),
        "dataset.message_keys": tr("message keys"),
        "dataset.quotes": tr("quotes"),
        "dataset.split_column": tr("split column"),
        "dataset.template": tr("template that prompts share"),
        "dataset.unused_columns": tr("unused columns"),
        "date": tr("date"),
        "device": tr("device"),
        "dtype": tr("number type"),
        "earlier files": tr("earlier files"),
        "epochs": tr("epochs"),
        "evaluation_slice": tr("evaluation slice"),
        "first_token": tr("tokens before the text"),
        "gguf": tr("GGUF file"),
        "gpu_layers": tr("layers on the GPU"),
        "importance": tr("use of the columns"),
        "judge": tr("judge"),
        "kept": tr("state that is kept"),
        "last step": tr("last step"),
        "max_length": tr("longest example in tokens"),
        "max_new_tokens": tr("longest answer in tokens"),
        "merge": tr("merge"),
        "metric": tr("metric"),
        "ollama_parameters": tr("parameters for Ollama"),
        "prompt_too_long": tr("prompts that are too long"),
        "ranking": tr("ranking it rests on"),
        "reference": tr("reference"),
        "remote code": tr("remote code"),
        "repository": tr("repository"),
        "seed": tr("seed"),
        "show_expected": tr("the judge sees the expected answer"),
        "system_role": tr("system message"),
        "thinking": tr("thoughts"),
        "tied head": tr("tied head"),
        "tokenizer": tr("files of the tokenizer"),
        "too_long": tr("examples that are too long"),
        "visibility": tr("visibility"),
        "vocabulary": tr("vocabulary"),
        "white_space": tr("white space"),
        # What an endpoint does not take keeps the name that its provider gives it.
        **{
            name: name for name in ("max_tokens", "temperature", "top_p", "response_format", "stream_options")
        },
    }
