"""Whoever uses the window is sent to its pages, never to the command line."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from desktop.problem import problem_of, problem_of_record
from desktop.ways import in_the_window
from engine.errors import BakeoffError
from tests.conftest import REPOSITORY
from tests.engine_texts import engine_texts


def fixes() -> Iterator[str]:
    """What the engine's errors, those of the command line left out, say is to be done."""
    for file in sorted((REPOSITORY / "engine").rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        if "cli" in file.relative_to(REPOSITORY).parts or "bakeoff " not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.keyword) and node.arg == "fix":
                yield from (
                    part.value
                    for part in ast.walk(node.value)
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                )


COMMANDS = sorted({text for text in fixes() if "bakeoff " in text})


@pytest.mark.parametrize("text", COMMANDS)
def test_no_fix_sends_to_the_command_line(text: str) -> None:
    assert "bakeoff" not in in_the_window(text)
    assert in_the_window(text)


def test_no_text_of_the_engine_speaks_of_options_in_the_window() -> None:
    """Nor of the same command, or of a file that a page of the window writes."""
    options = re.compile(r"(?<![\w-])--[a-z]|same command|prices\.json|least_free_gb")
    # Whoever has not installed the embedded model does that outside of the window.
    shown = [in_the_window(text) for text in engine_texts() if "pip install" not in text]
    assert [text for text in shown if options.search(text)] == []


def test_an_error_is_told_with_the_windows_way_and_its_values() -> None:
    error = BakeoffError(
        "endpoint.unknown",
        "There is no endpoint '{endpoint}'.",
        fix="Add it with: bakeoff endpoint add {endpoint} --base-url URL",
        endpoint="ours",
    )
    assert problem_of(error).fix == "Add the endpoint ours in Settings."


def test_a_study_tells_the_way_of_the_step_that_failed() -> None:
    step = BakeoffError(
        "job.crashed",
        "The job ended with an unexpected error ({kind}: {reason}).",
        fix="The log has the details: bakeoff job logs {job}",
        job="one",
        kind="ValueError",
        reason="no",
    )
    study = BakeoffError(
        step.code,
        "The step '{step}' failed: {reason}",
        fix="{fix_of_step} Then run the study again: it continues there.",
        step="Train",
        reason=step,
        fix_of_step=step.way_out,
    )
    said = "Show log under Jobs has the details. Then run the study again: it continues there."
    assert problem_of(study).fix == said
    assert problem_of_record(study.record()).fix == said
    assert "bakeoff job logs one" in study.fix, "the command line names the command"
