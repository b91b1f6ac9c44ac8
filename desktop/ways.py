"""What to do in the window where the engine's errors name a command. Knows no Qt."""

from __future__ import annotations

from collections.abc import Mapping

from desktop.language import tr


def in_the_window(text: str) -> str:
    """A text of the engine in the window's language.

    Args:
        text: The template; the places that it fills may be filled in what is returned.
    """
    return _ways().get(text) or tr(text)


def _ways() -> Mapping[str, str]:
    """The engine's texts that send to the command line, and what the window says instead."""
    return {
        "See its log with: bakeoff job logs {job}. Then resume it with: bakeoff job resume {job}": tr(
            "See why under Jobs with Show log. Then press Try again: it goes on from its last checkpoint."
        ),
        "The log has the details: bakeoff job logs {job}": tr("Show log under Jobs has the details."),
        "Continue it with: bakeoff job resume {job}": tr("Press Continue or Try again under Jobs."),
        "See the jobs with: bakeoff job list": tr("Jobs shows those that there are."),
        "Convert the model's own folder (bakeoff export {model} OUT --as merged), with its tokenizer.": tr(
            "Write the model as a folder of its own, and convert that with its tokenizer."
        ),
        "Make it with: bakeoff export {name} FILE --as gguf --quant {quantisation}": tr(
            "Make it under Models: select {name}, then Export GGUF, as {quantisation}."
        ),
        "Make it with: bakeoff export {model} FILE --as gguf --quant {quantisation}": tr(
            "Make it under Models: select {model}, then Export GGUF, as {quantisation}."
        ),
        "Add it with: bakeoff endpoint add {endpoint} --base-url URL": tr(
            "Add the endpoint {endpoint} in Settings."
        ),
        "Let it answer first, with: bakeoff generate --model {name} --dataset DATASET. Known: {known}.": tr(
            "Let it answer first: Compare, Answer and judge. Known: {known}."
        ),
        "Check the key in the environment, or store it again with: bakeoff key set {name}": tr(
            "Check the key in the environment, or store the one of {name} again in Settings."
        ),
        "See what it offers with: bakeoff endpoint test {name}": tr(
            "See what it offers in Settings, with the test of {name}."
        ),
        "Give a name such as MY_API_KEY, or store the key with: bakeoff key set {name}": tr(
            "Give a name such as MY_API_KEY, or store the key of {name} in Settings."
        ),
        "Give the plain address, and store the key with: bakeoff key set {name}": tr(
            "Give the plain address, and store the key of {name} in Settings."
        ),
        "Add one with: bakeoff model add": tr("Add one under Models."),
        "Add it again with: bakeoff model add": tr("Add it again under Models."),
        "Add it with 'bakeoff model add' first, which converts it.": tr(
            "Add it under Models first, which converts it."
        ),
        "Give its folder, or add it first with 'bakeoff model add'.": tr(
            "Give its folder, or add it under Models first."
        ),
        "Name a base of the study, or add the model first with: bakeoff model add": tr(
            "Name a base of the study, or add the model under Models first."
        ),
        "Let them answer the same dataset first: bakeoff generate": tr(
            "Let them answer the same dataset first: Compare, Answer and judge."
        ),
        "Use: bakeoff vote --dataset D --contestants A,B": tr("Let people judge under Vote."),
        "Let a judge compare answers first, with: bakeoff judge --dataset {name} --contestants A,B": tr(
            "Let a judge compare the answers to {name} first: Compare, Answer and judge."
        ),
        "Make the merge with bakeoff merge and export that, or take q4_k_m.": tr(
            "Make the merge under Merge and export that, or take q4_k_m."
        ),
        "Wait until it is finished: bakeoff study status {name}": tr(
            "Wait until it is finished: Study shows {name} and how far it is."
        ),
        "See what it found with: bakeoff study report {name}": tr("See what {name} found under Study."),
        "Import each of them with: bakeoff dataset import FILE --name NAME": tr(
            "Import each of them under Datasets."
        ),
        "Make a new one with write access, and store it with: bakeoff key set huggingface": tr(
            "Make a new one with write access, and store it in Settings."
        ),
        "Set the environment variable {variable}, or store one with write access with: bakeoff key set {name}": tr(
            "Store one with write access in Settings, or set the environment variable {variable}."
        ),
        "Set the environment variable {variable}, or store it with: bakeoff key set {name}": tr(
            "Store it in Settings, or set the environment variable {variable}."
        ),
        "Make one with: bakeoff release MODEL FOLDER": tr(
            "Make one with Release, on a study's page or under Models."
        ),
    }
