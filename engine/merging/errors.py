"""What can be wrong with a merge: the error that stops one, and the findings of the pre-flight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.errors import BakeoffError


class RecipeError(BakeoffError):
    """A recipe cannot be understood; names the file and the line where that is known."""

    title = "The merge recipe cannot be used"


class MergeError(BakeoffError):
    """A merge cannot be done; names the model or the tensor."""

    title = "These models cannot be merged like this"


@dataclass(frozen=True)
class Finding:
    """Something that the pre-flight has to say about a merge.

    Attributes:
        severity: ``error`` stops the merge, ``warning`` does not.
        code: Stable dotted name, for example ``"merge.shape_mismatch"``.
        message: One plain sentence with the names of models and tensors.
        fix: What can be done about it.
        params: The values in the sentence.
        text: The sentence as a template over ``params``; ``fix_text`` that of the fix.
    """

    severity: Literal["error", "warning"]
    code: str
    message: str
    fix: str = ""
    params: dict[str, Any] = field(default_factory=dict, hash=False, compare=False)
    text: str = field(default="", compare=False)
    fix_text: str = field(default="", compare=False)

    def told(self, translate: Callable[[str], str], fill: Callable[..., str] = str.format) -> tuple[str, str]:
        """Message and fix in another language (see `engine.errors.BakeoffError.told`)."""
        return BakeoffError(self.code, self.text, fix=self.fix_text, **self.params).told(translate, fill)

    def as_dict(self) -> dict[str, Any]:
        """The finding as JSON."""
        return {"severity": self.severity, "code": self.code, "message": self.message, "fix": self.fix}


def error(code: str, text: str, fix: str = "", **params: Any) -> Finding:
    """A finding that stops the merge; ``text`` and ``fix`` are templates over ``params``."""
    return _finding("error", code, text, fix, params)


def warning(code: str, text: str, fix: str = "", **params: Any) -> Finding:
    """A finding that does not stop the merge; ``text`` and ``fix`` are templates over ``params``."""
    return _finding("warning", code, text, fix, params)


def shortened(text: str, most: int = 80) -> str:
    """What a message quotes of a text: its beginning, if it is long."""
    return text if len(text) <= most else f"{text[:most]}…"


def from_exception(problem: BakeoffError) -> Finding:
    """The finding that tells of an error met while a model was opened."""
    return Finding(
        "error",
        problem.code,
        problem.message,
        problem.fix,
        problem.params,
        problem.text,
        problem.fix_text,
    )


def _finding(
    severity: Literal["error", "warning"], code: str, text: str, fix: str, params: dict[str, Any]
) -> Finding:
    filled = BakeoffError(code, text, fix=fix, **params)
    return Finding(severity, code, filled.message, filled.fix, params, text, fix)
