"""The colours of both schemes and the few distances that the window uses. Knows no Qt.

Text colours reach a contrast of 4.5:1 on the grounds that they stand on; those that end in ``fill`` and ``line`` are
for graphics, which need 3:1.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, Literal

Tone = Literal["", "info", "good", "warn", "bad", "merge"]

#: Pixels between cards, inside cards, and around a page (sides, top).
GAP: Final = 14
PADDING: Final = 16
MARGIN: Final = (28, 22)
#: Height of a row in a table.
ROW: Final = 36


@dataclass(frozen=True, slots=True)
class Tokens:
    """One scheme.

    Attributes:
        name: ``light`` or ``dark``.
        ground: The window; ``surface`` of cards, ``raised`` of inputs and wells inside cards.
        border: Of cards; ``border_strong`` of controls.
        text: Words; ``muted`` second ones, ``faint`` captions.
        line: Graphics without a meaning: whiskers, edges.
        accent: Words and icons that act; ``accent_fill`` buttons and bars, ``accent_soft`` what is selected.
        violet: Merges.
        heat_good: Cells of a matrix; the ends of a scale on which words stand.
    """

    name: str
    ground: str
    surface: str
    raised: str
    sidebar: str
    border: str
    border_strong: str
    text: str
    muted: str
    faint: str
    line: str
    accent: str
    accent_fill: str
    accent_hover: str
    accent_text: str
    accent_soft: str
    good: str
    good_fill: str
    good_soft: str
    warn: str
    warn_fill: str
    warn_soft: str
    bad: str
    bad_fill: str
    bad_soft: str
    violet: str
    violet_soft: str
    heat_good: str
    heat_bad: str

    def words(self, tone: Tone) -> str:
        """The colour of words in a tone."""
        return {
            "": self.muted,
            "info": self.accent,
            "good": self.good,
            "warn": self.warn,
            "bad": self.bad,
            "merge": self.violet,
        }[tone]

    def fill(self, tone: Tone) -> str:
        """The colour of marks in a tone."""
        return {
            "": self.line,
            "info": self.accent_fill,
            "good": self.good_fill,
            "warn": self.warn_fill,
            "bad": self.bad_fill,
            "merge": self.violet,
        }[tone]

    def as_dict(self) -> dict[str, str]:
        """Every token by its name, for the style sheet."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


DARK: Final = Tokens(
    name="dark",
    ground="#0f1115",
    surface="#171a21",
    raised="#1e222b",
    sidebar="#12141a",
    border="#262b36",
    border_strong="#39414f",
    text="#e8ebf1",
    muted="#a3adbd",
    faint="#8b95a7",
    line="#6b7485",
    accent="#8aa2ff",
    accent_fill="#6e8bff",
    accent_hover="#86a0ff",
    accent_text="#0b0e16",
    accent_soft="#20284a",
    good="#4cc38a",
    good_fill="#3fb27c",
    good_soft="#14291f",
    warn="#f0b14a",
    warn_fill="#f0b14a",
    warn_soft="#2e2412",
    bad="#f58a8c",
    bad_fill="#f58a8c",
    bad_soft="#33191c",
    violet="#b99af5",
    violet_soft="#29203f",
    heat_good="#1d6f4a",
    heat_bad="#9c444b",
)
LIGHT: Final = Tokens(
    name="light",
    ground="#f6f7f9",
    surface="#ffffff",
    raised="#f1f3f6",
    sidebar="#eef0f4",
    border="#dfe3ea",
    border_strong="#c3cad6",
    text="#161a22",
    muted="#535c6e",
    faint="#606a7d",
    line="#828da0",
    accent="#3154d8",
    accent_fill="#3559e0",
    accent_hover="#2a49bf",
    accent_text="#ffffff",
    accent_soft="#e4eaff",
    good="#14703f",
    good_fill="#1f9d5b",
    good_soft="#dff3e7",
    warn="#8a5200",
    warn_fill="#cc7a00",
    warn_soft="#fbeed3",
    bad="#b8292f",
    bad_fill="#c8353b",
    bad_soft="#fce4e4",
    violet="#6a3fc4",
    violet_soft="#eee7fc",
    heat_good="#7fd3a8",
    heat_bad="#f4a3a3",
)


def blend(one: str, other: str, share: float) -> str:
    """An opaque colour between two of the form ``#rrggbb``; ``share`` 1 is the other."""
    pairs = [(int(one[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(first + (second - first) * share):02x}" for first, second in pairs)


def heat(tokens: Tokens, share: float, span: float = 0.34) -> str:
    """The ground of a cell that shows a share of wins: neutral at a half, opaque, so that its contrast is known."""
    strength = max(-1.0, min(1.0, (share - 0.5) / span))
    end = tokens.heat_good if strength > 0 else tokens.heat_bad
    return blend(tokens.raised, end, abs(strength) ** 0.8)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours (WCAG 2, from 1 to 21)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
