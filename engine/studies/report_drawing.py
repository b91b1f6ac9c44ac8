"""An SVG drawing and its scale: what the report's charts are made of. Colours come from the page's style."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from engine.studies.report_words import one_line, shorten


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are, in the drawing's pixels."""

    narrow: bool
    width: float
    left: float
    right: float
    row: float
    top: float


class Drawing:
    """An SVG element under construction."""

    def __init__(self, layout: Layout, height: float, label: str) -> None:
        self.root = ET.Element(
            "svg",
            {
                "class": "narrow" if layout.narrow else "wide",
                "viewBox": f"0 0 {layout.width:g} {height:g}",
                "role": "img",
                "aria-label": one_line(label),
            },
        )
        self._here = self.root

    def group(self, style: str) -> None:
        """What follows belongs to a group with this class."""
        self._here = ET.SubElement(self.root, "g", {"class": style})

    def line(self, x1: float, y1: float, x2: float, y2: float, style: str) -> None:
        """A straight line; ``style`` is its class."""
        self._add("line", style, x1=x1, y1=y1, x2=x2, y2=y2)

    def rect(self, x: float, y: float, width: float, height: float, style: str, radius: float = 0.0) -> None:
        """A rectangle, its corners rounded by ``radius``."""
        self._add("rect", style, x=x, y=y, width=max(width, 0.0), height=height, rx=radius)

    def path(self, points: Sequence[tuple[float, float]], style: str, *, closed: bool = False) -> None:
        """Straight lines from point to point."""
        steps = " ".join(f"{'L' if i else 'M'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(points))
        ET.SubElement(self._here, "path", {"class": style, "d": steps + (" Z" if closed else "")})

    def circle(self, x: float, y: float, radius: float, style: str) -> None:
        """A circle."""
        self._add("circle", style, cx=x, cy=y, r=radius)

    def text(
        self, x: float, y: float, text: str, style: str = "", anchor: str = "start", most: int | None = None
    ) -> None:
        """Text around the height ``y``; what is longer than ``most`` columns is cut, its title is whole."""
        whole = one_line(text)
        shown = whole if most is None else shorten(whole, most)
        attributes = {"x": f"{x:.1f}", "y": f"{y + 4.5:.1f}"}
        if style:
            attributes["class"] = style
        if anchor != "start":
            attributes["text-anchor"] = anchor
        element = ET.SubElement(self._here, "text", attributes)
        if shown != whole:
            ET.SubElement(element, "title").text = whole
            element[0].tail = shown
        else:
            element.text = shown

    def mark(self, kind: str, x: float, y: float, size: float = 6.0) -> None:
        """The shape of a kind, so that it can be told without its colour."""
        if kind == "merge":
            far = size * 1.22
            self.path([(x - far, y), (x, y - far), (x + far, y), (x, y + far)], "mark", closed=True)
        elif kind == "reference":
            self.rect(x - size * 0.86, y - size * 0.86, size * 1.72, size * 1.72, "mark", 1.5)
        else:
            self.circle(x, y, size, "mark")

    def _add(self, tag: str, style: str, **numbers: float) -> None:
        attributes = {name: f"{value:.1f}" for name, value in numbers.items()}
        ET.SubElement(self._here, tag, {"class": style, **attributes})

    def __str__(self) -> str:
        return ET.tostring(self.root, encoding="unicode")


@dataclass(frozen=True, slots=True)
class Scale:
    """Values to pixels."""

    low: float
    high: float
    left: float
    right: float

    @classmethod
    def around(cls, values: Sequence[float | None], left: float, right: float) -> Scale:
        """A scale that holds every value, with room for arrows at both ends."""
        known = [value for value in values if value is not None and math.isfinite(value)]
        low, high = (min(known), max(known)) if known else (900.0, 1100.0)
        margin = max(15.0, 0.06 * (high - low))
        return cls(low - margin, high + margin, left, right)

    def at(self, value: float) -> float:
        """The pixel of a value."""
        return self.left + (value - self.low) / (self.high - self.low) * (self.right - self.left)

    def ticks(self, most: int) -> list[float]:
        """Round values, at most so many."""
        rough = (self.high - self.low) / most
        size = 10.0 ** math.floor(math.log10(rough))
        step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough)
        first = math.ceil(self.low / step)
        return [step * k for k in range(first, math.floor(self.high / step) + 1)]


def draw_ticks(
    drawing: Drawing, scale: Scale, top: float, bottom: float, most: int, word: Callable[[float], str]
) -> None:
    """Grid lines at round values, with the values below."""
    for value in scale.ticks(most):
        x = scale.at(value)
        drawing.line(x, top, x, bottom, "grid")
        drawing.text(x, bottom + 13, word(value), "small muted tick", "middle")
