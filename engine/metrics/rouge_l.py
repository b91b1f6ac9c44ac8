"""ROUGE-L of a free-text answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

#: A word, or one character of a script that writes no spaces between words.
_TOKEN: Final = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+"
)


class WordTokenizer:
    """Words in lower case, in any script.

    The one in rouge-score keeps ``a-z0-9`` only, so that every answer in Greek or Japanese would score 0;
    on English text without accents both give the same tokens.
    """

    def tokenize(self, text: str) -> list[str]:
        """The words of ``text``, in order."""
        return _TOKEN.findall(text.lower())


@dataclass(frozen=True)
class RougeLMetric:
    """F1 of the longest common subsequence of words (Lin 2004, by rouge-score, without stemming)."""

    name: str = "rouge_l"
    title: str = "ROUGE-L"
    #: Differences below this are word choice rather than quality.
    margin: float = 0.02

    def score(self, expected: str, answer: str) -> float:
        """ROUGE-L F1; two texts without any word are equal only when they are the same."""
        if expected.strip() == answer.strip():
            return 1.0
        return float(_scorer().score(expected, answer)["rougeL"].fmeasure)


@lru_cache(maxsize=1)
def _scorer() -> Any:
    # Imported late: it brings nltk, which a start-up must not pay for.
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], tokenizer=WordTokenizer())
