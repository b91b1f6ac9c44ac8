"""Before judging and answering begin: what is wrong is told, what it costs is reckoned, and one job does it once."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import BakeoffError
from engine.inference.outputs import Output
from engine.inference.spec import GenerateSpec
from engine.inference.starting import forecast_answers, require_answerable
from engine.jobs.client import JobClient
from engine.judging.spec import JudgeSpec
from engine.judging.starting import require_judgeable
from engine.workspace import Workspace
from engine.workspace.tables import ApiOutput, Contestant, Endpoint
from tests.answered import COUNT, answer, fill, prompts


@pytest.fixture
def filled(workspace: Workspace, tmp_path: Path) -> Workspace:
    fill(workspace, tmp_path)
    with workspace.catalogue.writing() as session:
        session.add(Endpoint(name="lab", base_url="http://127.0.0.1:9/v1"))
    return workspace


def judging(**fields: object) -> JudgeSpec:
    return JudgeSpec.model_validate({"dataset": "things", "contestants": ["Good", "Bad"], **fields})


def answering(*models: str, **fields: object) -> GenerateSpec:
    return GenerateSpec.model_validate({"dataset": "things", "models": list(models), **fields})


def test_who_judges_decides_how_the_job_runs(filled: Workspace) -> None:
    free = require_judgeable(filled, judging())
    assert (free.title, free.lane, free.own_runner) == ("reference judges things", None, False)
    paid = require_judgeable(filled, judging(judge="lab:gpt-4o", budget_usd=1.0))
    assert (paid.lane, paid.own_runner) == (None, True)
    assert require_judgeable(filled, judging(judge="local:M")).lane == "compute"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"judge": "lab:gpt-4o"}, "budget.missing"),
        ({"judge": "lab:unheard-of", "budget_usd": 1.0}, "price.unknown"),
        ({"contestants": ["Good", "Nobody"]}, "contestant.no_answers"),
        ({"goal": "beat:Nobody"}, "judging.reference"),
        ({"goal": "win"}, "judging.goal"),
    ],
)
def test_what_is_wrong_is_told_before_a_job(filled: Workspace, fields: dict[str, object], code: str) -> None:
    with pytest.raises(BakeoffError) as error:
        require_judgeable(filled, judging(**fields))
    assert error.value.code == code


def test_paid_answers_need_a_budget_and_their_cost_is_told(filled: Workspace) -> None:
    with pytest.raises(BakeoffError) as error:
        require_answerable(filled, answering("lab:gpt-4o"))
    assert error.value.code == "budget.missing"
    start = require_answerable(filled, answering("lab:gpt-4o", budget_usd=1.0))
    assert (start.title, start.lane, start.own_runner, start.exports) == (
        "Answers to things",
        "network",
        True,
        (),
    )
    assert require_answerable(filled, answering("lab:gpt-4o", "dataset", budget_usd=1.0)).lane is None
    found = forecast_answers(filled, answering("lab:gpt-4o", "dataset"))
    assert found.calls == COUNT
    assert 0 < found.expected_usd < found.most_usd
    assert forecast_answers(filled, answering("dataset")).calls == 0
    assert forecast_answers(filled, answering("lab:gpt-4o", limit=5)).calls == 5


def test_only_what_is_missing_is_reckoned(filled: Workspace) -> None:
    from engine.datasets.library import open_dataset
    from engine.inference.contestants import parse
    from engine.inference.questions import Questions
    from engine.inference.starting import paid_contestant
    from engine.progress import SilentReporter

    dataset = open_dataset(filled, "things", "generate")
    longest = Questions(answering("lab:gpt-4o"), dataset, SilentReporter()).longest_paid_answer()
    who = paid_contestant(filled, parse(filled, "lab:gpt-4o"), dataset.id, longest)
    with filled.catalogue.writing() as session:
        session.add(
            Contestant(
                id=who.id, name=who.name, entrant=who.entrant, dataset_id=dataset.id, identity=who.identity
            )
        )
        session.flush()
        for prompt in prompts(filled)[:7]:
            session.add(
                ApiOutput(
                    contestant_id=who.id,
                    prompt_id=prompt,
                    text="x",
                    stop="stop",
                    tokens=1,
                    seconds=0.1,
                    cost_usd=0.1,
                    snapshot="s",
                )
            )
    assert forecast_answers(filled, answering("lab:gpt-4o")).calls == COUNT - 7


def test_the_same_request_is_one_job_until_it_has_ended(filled: Workspace) -> None:
    answer(filled, "Other", [Output(one, "it is other", "stop", 3, 0.1) for one in prompts(filled)])
    client = JobClient(filled)
    job = client.begin("judge", judging(), "reference judges things")
    assert client.parked("judge", judging(seed=1)) is None
    again = client.parked("judge", judging())
    assert again is None or again.id == job.id  # it may have ended by now
    assert client.wait(job)["comparisons"] == COUNT
    assert client.parked("judge", judging()) is None
    assert client.begin("judge", judging(), "reference judges things").id != job.id
