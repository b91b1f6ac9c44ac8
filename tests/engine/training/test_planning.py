"""What a run is called among the jobs."""

from __future__ import annotations

import pytest

from engine.training.planning import run_title
from engine.training.spec import TrainSpec


@pytest.mark.parametrize(
    ("name", "title"),
    [("tiny-My-rows", "Train tiny on My rows"), ("second try", "Train tiny on My rows as second try")],
)
def test_runs_of_one_base_on_one_dataset_are_told_apart(name: str, title: str) -> None:
    assert str(run_title(TrainSpec(base="tiny", dataset="My rows", name=name))) == title
