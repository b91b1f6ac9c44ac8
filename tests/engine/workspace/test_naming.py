"""Names: what can be one, which is free, and what was probably meant."""

from __future__ import annotations

import pytest

from engine.workspace import Workspace
from engine.workspace.naming import (
    NameTakenError,
    NameUnknownError,
    dataset_named,
    fitting,
    free_name,
    model_named,
    require_free,
    require_name,
    slug,
)
from engine.workspace.tables import Dataset, Model


@pytest.fixture
def three_models(workspace: Workspace) -> Workspace:
    with workspace.catalogue.writing() as session:
        for name in ("mistral", "zephyr", "zephyr-2"):
            session.add(
                Model(id=name, name=name, kind="base", folder="/x", weights_sha256="", info={}, recipe={})
            )
    return workspace


@pytest.mark.parametrize("name", ["a", "Banking 77", "mistral-7b_v0.1", "größe", "模型"])
def test_names_that_people_use_are_names(name: str) -> None:
    assert require_name(name) == name


@pytest.mark.parametrize(
    "name", ["", " a", "a ", "-a", ".hidden", "a/b", "a,b", "a:b", "a\\b", "a\nb", "..", "_a", "a" * 101]
)
def test_what_means_something_else_is_no_name(name: str) -> None:
    with pytest.raises(NameTakenError) as refused:
        require_name(name)
    assert refused.value.code == "name.unusable"


def test_a_taken_name_is_refused_and_the_next_free_one_found(three_models: Workspace) -> None:
    with three_models.catalogue.reading() as session:
        with pytest.raises(NameTakenError) as refused:
            require_free(session, Model, "mistral")
        assert refused.value.code == "name.taken"
        assert "model" in refused.value.message
        require_free(session, Dataset, "mistral")
        assert free_name(session, Model, "zephyr") == "zephyr-3"
        assert free_name(session, Model, "new") == "new"


def test_an_unknown_name_is_told_with_the_nearest(three_models: Workspace) -> None:
    with three_models.catalogue.reading() as session:
        assert model_named(session, "mistral").id == "mistral"
        with pytest.raises(NameUnknownError) as unknown:
            model_named(session, "mistrall")
        assert unknown.value.fix == "Did you mean 'mistral'?"
        with pytest.raises(NameUnknownError) as unknown:
            model_named(session, "qqqq")
        assert "mistral, zephyr" in unknown.value.fix
        with pytest.raises(NameUnknownError) as unknown:
            dataset_named(session, "banking")
        assert unknown.value.code == "dataset.unknown"
        assert "no dataset" in unknown.value.fix


@pytest.mark.parametrize(
    ("text", "expected"),
    [("My file (1)", "My-file-1"), ("../x", "x"), ("", "unnamed"), ("größe", "größe"), ("a" * 300, "a" * 80)],
)
def test_a_slug_can_always_be_a_name(text: str, expected: str) -> None:
    assert slug(text) == expected
    assert require_name(slug(text))


def test_names_that_are_too_long_are_cut_and_stay_apart() -> None:
    assert fitting("a" * 100) == "a" * 100
    one, other = fitting("a" * 100 + "-first"), fitting("a" * 100 + "-second")
    assert one != other
    assert len(one) == len(other) == 100
    assert require_name(one)
