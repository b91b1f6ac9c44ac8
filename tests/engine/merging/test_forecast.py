"""The forecast of a merge: bytes of its tensors, memory by tensors side by side, time only where it was measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.merging.forecast import Forecast, check_memory, forecast, memory_to_merge, work_of
from engine.merging.pace import LEAST_WORK, expected_seconds, note_pace
from engine.merging.plan import MergePlan
from tests.engine.merging.conftest import preflight

LINEAR = {"merge_method": "linear", "models": [{"model": "a"}, {"model": "b"}], "parameters": {"weight": 1}}


@pytest.fixture
def plan() -> MergePlan:
    return preflight({**LINEAR, "dtype": "float32"}).require()


def test_size_and_work_are_those_of_the_tensors(plan: MergePlan, tmp_path: Path) -> None:
    found = forecast(plan, tmp_path / "not" / "there", 1, noted=tmp_path / "noted.json")
    assert found.nbytes == 158_016 * 4
    assert work_of(plan) == 158_016 * 3
    assert found.free > 0
    assert found.available > 0
    assert found.seconds is None


def test_memory_grows_with_the_tensors_that_are_computed_at_a_time(plan: MergePlan) -> None:
    one, two, all_of_them = (memory_to_merge(plan, threads) for threads in (1, 2, 100))
    assert one < two < all_of_them
    largest = max(tensor.output.nbytes for tensor in plan.tensors)
    assert (
        two - one <= 4 * largest
    )  # no tensor takes more than both inputs, one as it was read, and the result
    signs = {**LINEAR, "merge_method": "ties", "base_model": "base", "dtype": "float32"}
    assert memory_to_merge(preflight(signs).require(), 1) > one


def test_little_memory_is_told(plan: MergePlan) -> None:
    enough = Forecast(nbytes=1, free=2, memory=500_000_000, available=500_000_000, seconds=None)
    assert check_memory(enough) == []
    (warning,) = check_memory(
        Forecast(nbytes=1, free=2, memory=500_000_000, available=400_000_000, seconds=None)
    )
    assert warning.severity == "warning"
    assert "500 MB" in warning.message
    assert "400 MB" in warning.message
    assert warning.fix


def test_time_is_told_of_merges_that_were_measured_here(tmp_path: Path) -> None:
    file = tmp_path / "noted.json"
    note_pace("slerp", 2, work=LEAST_WORK - 1, seconds=1.0, start=1.0, file=file)
    assert not file.exists()  # it was over too soon to tell anything
    note_pace("slerp", 2, work=LEAST_WORK, seconds=10.0, start=4.0, file=file)
    assert expected_seconds("slerp", 2, 3 * LEAST_WORK, file) == pytest.approx(34.0)
    assert expected_seconds("slerp", 1, LEAST_WORK, file) is None
    assert expected_seconds("ties", 2, LEAST_WORK, file) is None
    for _ in range(5):
        note_pace("slerp", 2, work=LEAST_WORK, seconds=20.0, start=4.0, file=file)
    assert expected_seconds("slerp", 2, LEAST_WORK, file) == pytest.approx(24.0)  # the last ones count


def test_a_machine_with_other_cores_has_measured_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "noted.json"
    note_pace("slerp", 2, work=LEAST_WORK, seconds=10.0, start=4.0, file=file)
    monkeypatch.setattr("engine.merging.pace.usable_cores", lambda: 4096)
    assert expected_seconds("slerp", 2, LEAST_WORK, file) is None


@pytest.mark.parametrize(
    "text", ["", "[]", '{"cores": 1}', '{"cores": 2, "merges": {"slerp 2": [["x", 1, 2]]}}']
)
def test_a_damaged_note_is_no_note(tmp_path: Path, text: str) -> None:
    file = tmp_path / "noted.json"
    file.write_text(text)
    assert expected_seconds("slerp", 2, LEAST_WORK, file) is None
    note_pace("slerp", 2, work=LEAST_WORK, seconds=10.0, start=4.0, file=file)
    assert expected_seconds("slerp", 2, LEAST_WORK, file) == pytest.approx(14.0)
