"""The two models worth merging: by the newest study that says something, else the newest that fit each other."""

from __future__ import annotations

from typing import Any

from engine.models.families import members
from engine.studies.strongest_pair import strongest_pair
from engine.workspace import Workspace
from engine.workspace.tables import Model, Parentage, Study
from tests.engine.studies.hand_made import empty, study

SMALL = {"architecture": "Llama", "layers": 2, "hidden": 32, "vocabulary": 100}
LARGE = {**SMALL, "hidden": 64}


def add(workspace: Workspace, name: str, info: dict[str, Any], kind: str = "base", parent: str = "") -> None:
    with workspace.catalogue.writing() as session:
        model = Model(id=name, name=name, kind=kind, folder=name, weights_sha256=name, info=info, recipe={})
        if parent:
            model.parents.append(
                Parentage(position=0, parent_id=parent, parent_name=parent, parent_sha256="")
            )
        session.add(model)


def finish(workspace: Workspace, name: str, strengths: dict[str, float]) -> None:
    kinds: dict[str, Any] = dict.fromkeys(strengths, "base")
    names = sorted(strengths)
    result = study(strengths, kinds, plain=names[0], winner=names[0], parents=names[:2])
    with workspace.catalogue.writing() as session:
        session.add(Study(name=name, definition={}, job_id=name, result=result.model_dump()))


def test_an_empty_workspace_and_one_of_strangers_have_none(workspace: Workspace) -> None:
    assert strongest_pair(workspace) == ()
    add(workspace, "small", SMALL)
    add(workspace, "large", LARGE)
    assert strongest_pair(workspace) == ()


def test_the_newest_that_fit_each_other_the_older_first(workspace: Workspace) -> None:
    add(workspace, "one", SMALL)
    add(workspace, "two", SMALL)
    add(workspace, "three", SMALL)
    add(workspace, "large", LARGE)
    assert strongest_pair(workspace) == ("two", "three")


def test_an_adapter_is_of_its_bases_family(workspace: Workspace) -> None:
    add(workspace, "small", SMALL)
    add(workspace, "large", LARGE)
    add(workspace, "tuned-large", {"lora_rank": 4}, "adapter", "large")
    add(workspace, "tuned-small", {"lora_rank": 4}, "adapter", "small")
    add(workspace, "lost", {"lora_rank": 4}, "adapter")
    found = {one.name: one.family for one in members(workspace)}
    assert found["tuned-large"] == found["large"]
    assert found["tuned-small"] == found["small"]
    assert found["lost"] not in (found["small"], found["large"])
    assert set(strongest_pair(workspace)) != {"tuned-small", "tuned-large"}


def test_a_study_says_which_are_strongest(workspace: Workspace) -> None:
    for name, info in (("one", SMALL), ("two", SMALL), ("three", SMALL), ("large", LARGE)):
        add(workspace, name, info)
    finish(workspace, "first", {"large": 3.0, "gone": 2.0, "one": 1.0, "three": 0.5, "two": -1.0})
    assert strongest_pair(workspace) == ("one", "three")
    finish(workspace, "second", {"large": 1.0, "gone": 0.0})
    with workspace.catalogue.writing() as session:
        session.add(Study(name="running", definition={}, job_id="running", result={}))
        session.add(Study(name="empty", definition={}, job_id="empty", result=empty().model_dump()))
    assert strongest_pair(workspace) == ("one", "three")
