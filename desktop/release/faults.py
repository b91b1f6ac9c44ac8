"""What goes wrong with a release, in words that fit the window: the engine's own name options of the command line."""

from __future__ import annotations

from dataclasses import replace

from desktop.language import tr
from desktop.problem import Problem, problem_of
from engine.errors import BakeoffError


def told(error: BakeoffError) -> Problem:
    """A failure in words that fit the dialog."""
    return fitted(problem_of(error))


def fitted(problem: Problem) -> Problem:
    """The same failure with a way out that the window has."""
    if problem.code == "push.no_token":
        return replace(
            problem,
            title=tr("The key is missing"),
            message=tr("There is no token for the Hugging Face Hub."),
            fix=tr("Store one with write access under Settings, Endpoints and prices."),
        )
    return replace(problem, fix=_fixes().get(problem.code, problem.fix))


def _fixes() -> dict[str, str]:
    """What to do instead, by the code of the failure."""
    again = tr("Check the network and press Start again: what has arrived is not sent again.")
    without = tr("Release it with a GGUF file, or do not make it known to that program.")
    return {
        "release.nothing": tr("Choose a GGUF file, or the whole model."),
        "release.not_in_study": tr("Choose another study, or the newest that ranked it."),
        "export.no_text": tr(
            "Choose a dataset under \u201cTest prompts of\u201d, or a quantisation that does without, such as q4_k_m."
        ),
        "model.no_base": tr("Choose a base or a merge, or do not train from it."),
        "push.public": tr("Tick that everybody may see it, or push to another name."),
        "push.token_refused": tr(
            "Make a new one with write access, and store it under Settings, Endpoints and prices."
        ),
        "hub.unreachable": again,
        "install.no_ollama": tr("Install the program, or do not make the release known to it."),
        "install.no_lm_studio": tr(
            "Install the program and start it once, or do not make the release known to it."
        ),
        "install.no_modelfile": without,
        "install.no_gguf": without,
        "install.ollama_failed": tr("See that Ollama is running, and press Start again."),
    }
