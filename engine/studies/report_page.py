"""A report as one HTML document without scripts, which loads nothing."""

from __future__ import annotations

from typing import Any

from engine.resources import resource
from engine.studies.report_words import clean


def render(template: str, view: object) -> str:
    """Fill in a template of ``resources/report``.

    Args:
        template: Its file's name.
        view: What it says, as ``view``.
    """
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    def drawing(svg: str) -> Markup:
        """Our own charts: their element tree has escaped every name in them."""
        return Markup(svg)

    def legible(value: Any) -> Any:
        return clean(value) if type(value) is str else value

    environment = Environment(
        autoescape=True,
        loader=FunctionLoader(lambda name: resource("report", name).read_text(encoding="utf-8")),
        undefined=StrictUndefined,
        finalize=legible,
        trim_blocks=False,
        keep_trailing_newline=True,
    )
    environment.filters["drawing"] = drawing
    style = Markup(resource("report", "report.css").read_text(encoding="utf-8").strip())
    # Macros see the template's globals only.
    return environment.get_template(template, globals={"view": view}).render(style=style).lstrip()
