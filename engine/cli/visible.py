"""Text that somebody else wrote, made fit for the terminal and for files."""

from __future__ import annotations

import re
from typing import Final

#: Control characters but for newline and tab, half surrogate pairs, separators that break lines unseen, and what
#: turns the direction of writing. Spaces of every width and joiners are text: languages need them.
_STEERING: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)


def visible(text: str) -> str:
    """The text without what would steer the terminal or hide what it says: a model may have written it."""
    return _STEERING.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def whole(text: str) -> str:
    """The text with half surrogate pairs replaced: what the terminal's encoding could not read, no file can hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
