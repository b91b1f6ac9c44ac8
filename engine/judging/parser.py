"""Reading a verdict out of what a judge wrote."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from engine.judging.verdicts import Winner

#: What judges call the things they compare, and how they write the letter: Output (a), **Answer B**.
_NOUN: Final = r"(?:answer|output|response|assistant|model|option|candidate|text)"
_LETTER: Final = r"[\"'`*(\[]*\b(?P<letter>[AB])\b[\"'`*)\]]*"
_NAMED: Final = rf"(?:\b{_NOUN}\s*{_LETTER})"
_BARE: Final = r"(?P<letter>(?<![\w'])(?-i:[AB])\b)[*)\]]*"
#: Words between "is" and "better". "not" is not among them, and so "is not better" is no verdict.
_DEGREE: Final = r"(?:(?:much|clearly|slightly|far|generally|therefore|also|overall|thus|the|a|an)\s+)*"
_BETTER: Final = (
    rf"\s+(?:(?:is|was|seems|appears|would\s+be|can\s+be\s+considered|is\s+considered)\s+(?:to\s+be\s+)?{_DEGREE}"
    r"(?:better|best|superior|preferable|preferred|winner)\b|wins\b)"
)
_CHOICE: Final = (
    r"\b(?:prefer|choose|select|pick|(?:final\s+)?verdict|winner|better\s+(?:one|answer|output|response|option))"
    r"\b[\"'*]*(?:\s+(?:is|goes\s+to|would\s+be)|\s*[:=])?\s*[\"'*]*\s*"
)
_WINNERS: Final = (
    re.compile(r"\[\[\s*(?P<letter>A|B)\s*\]\]", re.I),
    re.compile(_NAMED + _BETTER, re.I),
    re.compile(_BARE + _BETTER, re.I),
    re.compile(_CHOICE + _NAMED, re.I),
    re.compile(_CHOICE + _BARE + r"(?!\s+\w)", re.I),
)
_TIES: Final = (
    re.compile(r"\[\[\s*tie\s*\]\]", re.I),
    re.compile(
        r"\b(?:it['’]s|(?:it|this|result|verdict)\s+is|verdict:?|ends\s+in)\s+(?:a\s+)?(?:tie|draw)\b", re.I
    ),
    re.compile(r"\b(?:are|be)\s+equally\s+(?:good|bad|correct|wrong|helpful)\b", re.I),
    re.compile(r"\bneither\b[^.\n]{0,60}\bis\s+better\b", re.I),
)
_LONE_LETTER: Final = re.compile(rf"\W*(?:{_NOUN}\s*)?\W*(?P<letter>[AB])\W*", re.I)
_LONE_TIE: Final = re.compile(r"\W*(?:tie|draw)\W*", re.I)
_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+|\n+")
#: A judge writes one JSON object; looking at each brace of a long text would take long.
_MOST_BRACES: Final = 20


@dataclass(frozen=True)
class Reading:
    """What a judge's text says; ``explanation`` is its own, or the whole text."""

    winner: Winner
    explanation: str


def read_verdict(text: str) -> Reading | None:
    """Read the verdict in ``text``: a JSON object, or sentences in English.

    Where sentences name different winners, the last sentence decides; when it names none, nothing is
    guessed.

    Returns:
        None where no verdict can be read.
    """
    for document in _documents(text):
        if "verdict" in document:
            return _from_document(document)
    winner = _lone(text) or _from_sentences(text)
    return Reading(winner, text.strip()) if winner else None


def _from_document(document: dict[str, Any]) -> Reading | None:
    verdict, explanation = document["verdict"], document.get("explanation")
    winner = _lone(verdict) if isinstance(verdict, str) else None
    return Reading(winner, explanation if isinstance(explanation, str) else "") if winner else None


def _documents(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects in ``text``, outermost and last first."""
    decoder = json.JSONDecoder()
    braces = [match.start() for match in re.finditer(r"\{", text)]
    for start in [*braces[:1], *reversed(braces[1:][-_MOST_BRACES:])]:
        try:
            value, _end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            yield value


def _lone(text: str) -> Winner | None:
    """The winner where ``text`` is nothing but its letter, or the word tie."""
    if _LONE_TIE.fullmatch(text):
        return "tie"
    match = _LONE_LETTER.fullmatch(text)
    return _winner(match) if match else None


def _from_sentences(text: str) -> Winner | None:
    everywhere = _winners(text)
    if len(everywhere) <= 1:
        return next(iter(everywhere), None)
    sentences = [sentence for sentence in _SENTENCE_END.split(text.strip()) if sentence]
    said = _lone(sentences[-1])
    winners = {said} if said else _winners(sentences[-1])
    return next(iter(winners)) if len(winners) == 1 else None


def _winners(text: str) -> set[Winner]:
    """Every winner that ``text`` names."""
    found: set[Winner] = {_winner(match) for pattern in _WINNERS for match in pattern.finditer(text)}
    if any(pattern.search(text) for pattern in _TIES):
        found.add("tie")
    return found


def _winner(match: re.Match[str]) -> Winner:
    return "a" if match.group("letter").casefold() == "a" else "b"
