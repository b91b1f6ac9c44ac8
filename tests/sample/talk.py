"""The conversations of the sample workspace."""

from __future__ import annotations

from engine.inference.chat import store
from engine.inference.chat.conversation import Answer, Conversation, Pane, Turn
from engine.inference.sampling import Sampling
from engine.models.library import find_export, find_model
from engine.workspace import Workspace
from tests.sample.names import BASES, MERGES, TASKS, tuned
from tests.sample.times import before

TALK = "20260520-161800-0a1b2c"
_SAMPLING = Sampling(temperature=0.2, seed=7)

#: What was asked, what each of the two answered, and which answer was better.
_TURNS = (
    (
        "Summarise: The van broke down on Monday, so Ruth and Amir carried the boxes over in their own cars. "
        "The garage wants a new gearbox, which costs more than the van is worth. We sell it and rent one from June.",
        (
            "The van broke down and two colleagues carried the boxes over in their own cars.",
            "The van's gearbox is beyond repair, so the van is sold and one is rented from June.",
        ),
        1,
    ),
    (
        "And in German, for the notice board?",
        (
            "Der Wagen ist kaputt und wird verkauft.",
            "Das Getriebe des Wagens lohnt keine Reparatur: Er wird verkauft, ab Juni mieten wir einen.",
        ),
        1,
    ),
)


def keep_a_talk(workspace: Workspace, hashes: dict[str, str]) -> None:
    """Two conversations with the plain base's fine-tune and the best merge's; the newest has two turns."""
    del hashes
    panes = [
        _pane(workspace, tuned(BASES[0], TASKS[2])),
        _pane(workspace, tuned(next(iter(MERGES)), TASKS[2])),
    ]
    for number, minutes, turns in ((TALK, 24, _TURNS), ("20260519-091500-3d4e5f", 1887, _TURNS[:1])):
        talk = Conversation(id=number, created=before(minutes), panes=panes, sampling=_SAMPLING)
        talk.turns = [
            Turn(
                prompt=prompt,
                answers={place: _answer(panes[place], text) for place, text in enumerate(texts)},
                vote=vote,
            )
            for prompt, texts, vote in turns
        ]
        store.save(workspace, talk)


def _pane(workspace: Workspace, model: str) -> Pane:
    found = find_export(workspace, find_model(workspace, model), "q8_0")
    assert found is not None
    return Pane(
        name=f"{model}@q8_0",
        kind="local",
        file=workspace.relative(found.file),
        sha256=found.sha256,
        quantisation="q8_0",
        context=8192,
    )


def _answer(pane: Pane, text: str) -> Answer:
    tokens = len(text) // 4
    return Answer(
        text=text,
        stop="stop",
        prompt_tokens=88,
        tokens=tokens,
        first_seconds=0.18,
        seconds=round(0.18 + (tokens - 1) / 41.5, 3),
        sampling=_SAMPLING,
        sha256=pane.sha256,
        quantisation=pane.quantisation,
    )
