"""The job ``judge``: a real worker process on a real workspace, against a real local server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Literal

import pytest

from engine.datasets import DatasetStore, ImportOptions, SealedError, import_files
from engine.datasets.selection import select
from engine.errors import BakeoffError
from engine.inference.contestants import ContestantError
from engine.inference.outputs import Output, write_outputs
from engine.inference.pricing import PriceError
from engine.jobs.client import JobClient
from engine.jobs.context import JobContext
from engine.jobs.directory import JobDirectory
from engine.jobs.events import EventWriter
from engine.judging.errors import JudgingError
from engine.judging.ledger import CatalogueLedger
from engine.judging.prepare import forecast, prepare
from engine.judging.run import run
from engine.judging.spec import JudgeSpec
from engine.judging.verdicts import comparisons
from engine.progress import SilentReporter
from engine.workspace import Workspace
from engine.workspace.adoption import Adoption, NewContestant, NewDataset, NewOutputSet, adopt
from engine.workspace.naming import NameUnknownError
from tests.conftest import clean_environment
from tests.engine.judging.arena import KEY, MARKS
from tests.fake_openai import FakeOpenAI, Truth

COUNT = 24
WRONG = "sk-wrong-123456"


@pytest.fixture
def server():
    with FakeOpenAI(Truth(key=KEY, strengths=dict(MARKS), certain=True)) as fake:
        yield fake


@pytest.fixture
def filled(workspace: Workspace, tmp_path: Path) -> Workspace:
    """A dataset of 24 test prompts, answered by Good (right), Middling (half right) and Bad (never)."""
    rows = [
        {"prompt": f"Name colour {number}.", "completion": f"colour {number}", "split": "test"}
        for number in range(COUNT)
    ]
    rows += [
        {"prompt": f"Teach {number}.", "completion": f"taught {number}", "split": "train"}
        for number in range(8)
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    import_files([file], ImportOptions(name="colours"), workspace.datasets / "d1")
    dataset = NewDataset(id="d1", name="colours", folder="datasets/d1", manifest={})
    _adopt(workspace, "import", Adoption(datasets=[dataset]))
    examples = list(DatasetStore(workspace.datasets / "d1").examples("test"))
    for place, (name, mark) in enumerate((("Good", "splendid"), ("Middling", "plain"), ("Bad", "poor"))):
        answers = []
        for index, example in enumerate(examples):
            right = name == "Good" or (name == "Middling" and index % 2)
            text = f"{example.answer.content}" if right else f"no idea {place}"
            answers.append(Output(example.prompt_id, f"{text} ({mark})" if place else text, "stop", 3, 0.1))
        _answer(workspace, name, answers)
    return workspace


def _answer(workspace: Workspace, name: str, answers: list[Output]) -> None:
    path = workspace.outputs / f"{name}.parquet"
    write_outputs(path, answers, {})
    who = NewContestant(
        id=f"c-{name}", name=name, entrant=f"base of {name}", dataset_id="d1", identity={"n": name}
    )
    outputs = NewOutputSet(
        id=f"o-{name}", contestant_id=who.id, split="test", file=workspace.relative(path), count=len(answers)
    )
    _adopt(workspace, f"generate-{name}", Adoption(contestants=[who], output_sets=[outputs]))


def _adopt(workspace: Workspace, job: str, what: Adoption) -> None:
    adopt(workspace.catalogue, job_id=job, kind="test", title=job, study=None, summary={}, what=what)


def spec(**fields: Any) -> JudgeSpec:
    return JudgeSpec(**{"dataset": "colours", "contestants": ["Good", "Middling", "Bad"], **fields})


def start(workspace: Workspace, job: JobDirectory, **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "engine.jobs.worker", str(job.path), str(os.getpid())],
        env=clean_environment(workspace.root, workspace.root.parent) | environment,
        stderr=subprocess.DEVNULL,
    )


def run_job(workspace: Workspace, what: JudgeSpec, server: FakeOpenAI) -> JobDirectory:
    job = JobClient(workspace).submit("judge", what, "judge")
    keys = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.base_url}
    assert start(workspace, job, **keys).wait(60) == 0
    return job


def run_here(workspace: Workspace, what: JudgeSpec) -> tuple[JobDirectory, dict[str, Any]]:
    """The same without a process of its own; returns the summary as well."""
    job = JobClient(workspace).submit("judge", what, "judge")
    writer = EventWriter(job.events)
    try:
        return job, run(JobContext(job, workspace, writer)).summary
    finally:
        writer.close()


def events(job: JobDirectory) -> dict[str, dict[str, Any]]:
    return {event.type: event.data for event in job.reader().new()}


def test_the_reference_judge_needs_nothing_but_the_dataset(filled: Workspace) -> None:
    job, summary = run_here(filled, spec(metric="rouge_l"))
    assert summary["comparisons"] == 3 * COUNT
    assert (summary["cost_usd"], summary["swap_consistency"], summary["stopped"]) == (0.0, None, "done")
    ledger = CatalogueLedger(filled.catalogue, "d1", "test")
    made = comparisons(ledger.all("reference"))
    assert len(made) == 3 * COUNT
    good = [one for one in made if "Good" in (one.name_a, one.name_b)]
    assert all((one.winner == "a") == (one.name_a == "Good") for one in good if one.winner != "tie")
    assert sum(one.winner != "tie" for one in good) > COUNT
    assert {one.entrant_a for one in made} <= {"base of Good", "base of Middling", "base of Bad"}
    assert events(job)["judge.health"]["verdicts"] == 3 * COUNT


def test_the_metric_is_chosen_and_told(filled: Workspace) -> None:
    told = [event.data for event in run_here(filled, spec())[0].reader().new() if event.type == "decision"]
    assert [(one["subject"], one["choice"]) for one in told] == [("metric", "rouge_l")]


def test_an_endpoint_judges_within_its_budget_and_its_key_stays_secret(
    filled: Workspace, server: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = run_job(filled, spec(judge="openai:gpt-4o", budget_usd=2.0), server)
    result = job.result()
    assert result is not None, job.status().error
    summary = result["summary"]
    # Good carries no mark, so to this server Middling (plain, 0.0) is its equal.
    assert summary["comparisons"] == 3 * COUNT
    assert summary["calls"] == server.usage.calls.total() == 2 * 3 * COUNT
    assert summary["cost_usd"] == pytest.approx(server.usage.cost("gpt-4o", 2.5, 10.0))
    assert summary["swap_consistency"] == 1.0
    for path in filled.root.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    _, again = run_here(filled, spec(judge="openai:gpt-4o"))
    assert (again["calls"], again["cached"], again["cost_usd"]) == (0, 2 * 3 * COUNT, 0.0)


def test_a_killed_job_goes_on_without_paying_for_a_stored_verdict_again(
    filled: Workspace, server: FakeOpenAI
) -> None:
    server.truth.latency = 0.03
    job = JobClient(filled).submit("judge", spec(judge="openai:gpt-4o", budget_usd=2.0, parallel=3), "judge")
    keys = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.base_url}
    ledger = CatalogueLedger(filled.catalogue, "d1", "test")
    asked = stored = 0
    for _ in range(2):
        worker = start(filled, job, **keys)
        target = server.usage.requests + 25
        while server.usage.requests < target and worker.poll() is None:
            time.sleep(0.005)
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)
        time.sleep(0.1)
        stored, asked = len(ledger.all()), server.usage.requests
        assert 0 < asked - stored <= 2 * 3
    assert start(filled, job, **keys).wait(60) == 0
    result = job.result()
    assert result is not None, job.status().error
    assert server.usage.requests - asked == 2 * 3 * COUNT - stored
    verdicts = ledger.all()
    assert len({verdict.key for verdict in verdicts}) == len(verdicts) == 2 * 3 * COUNT
    # What the killed attempts may have paid is in the books, so that the ceiling holds over all of them.
    assert server.usage.cost("gpt-4o", 2.5, 10.0) <= result["summary"]["cost_usd"] <= 2.0


def test_a_killed_job_waits_for_the_same_batch(filled: Workspace, server: FakeOpenAI) -> None:
    server.truth.batch_looks = 1_000_000
    job = JobClient(filled).submit("judge", spec(judge="openai:gpt-4o", budget_usd=2.0, batch=True), "judge")
    keys = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.base_url}
    worker = start(filled, job, **keys)
    while not server.batches.batches:
        time.sleep(0.01)
    time.sleep(0.2)
    worker.send_signal(signal.SIGKILL)
    worker.wait(10)
    assert CatalogueLedger(filled.catalogue, "d1", "test").all() == []
    server.batches._looks["batch_1"] = 0
    assert start(filled, job, **keys).wait(60) == 0
    result = job.result()
    assert result is not None, job.status().error
    summary = result["summary"]
    assert (summary["comparisons"], summary["calls"], summary["failed"]) == (3 * COUNT, 2 * 3 * COUNT, 0)
    assert len(server.batches.batches) == 1
    assert (server.usage.requests, server.usage.batched) == (1, 2 * 3 * COUNT - 1)
    whole = server.usage.cost("gpt-4o", 2.5, 10.0)
    assert whole / 2 < summary["cost_usd"] < 0.6 * whole


def test_a_stopped_job_gives_its_batch_up_and_a_paused_one_keeps_it(
    filled: Workspace, server: FakeOpenAI
) -> None:
    server.truth.batch_looks = 1_000_000
    keys = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.base_url}
    wishes: list[tuple[Literal["pause", "stop"], list[str]]] = [("pause", []), ("stop", ["batch_2"])]
    for wish, given_up in wishes:
        job = JobClient(filled).submit("judge", spec(judge="openai:gpt-4o", budget_usd=2.0, batch=True), wish)
        before = len(server.batches.batches)
        worker = start(filled, job, **keys)
        while len(server.batches.batches) == before:
            time.sleep(0.01)
        job.ask(wish)
        worker.wait(30)
        assert server.batches.cancelled == given_up


def test_a_batch_is_for_a_judge_behind_an_endpoint(filled: Workspace) -> None:
    for judge in ("reference", "local:Good"):
        with pytest.raises(JudgingError, match="behind an endpoint"):
            forecast(filled, spec(judge=judge, batch=True))
    one, half = (
        forecast(filled, spec(judge="openai:gpt-4o", batch=batch)).expected_usd for batch in (False, True)
    )
    assert half == pytest.approx(one / 2)


def test_a_killed_job_tells_of_the_whole_job_and_repeats_no_failure(
    filled: Workspace, server: FakeOpenAI
) -> None:
    server.truth.latency = 0.01
    server.truth.failures = ["refusal"] * 3
    job = JobClient(filled).submit("judge", spec(judge="openai:gpt-4o", budget_usd=2.0, parallel=1), "judge")
    keys = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.base_url}
    ledger = CatalogueLedger(filled.catalogue, "d1", "test")
    worker = start(filled, job, **keys)
    while len(ledger.all()) < 12:
        time.sleep(0.005)
    worker.kill()
    worker.wait(10)
    assert start(filled, job, **keys).wait(60) == 0
    result = job.result()
    assert result is not None, job.status().error
    summary = result["summary"]
    # Of three pairs the first order failed, so that the second was never asked.
    every = 2 * 3 * COUNT - 3
    assert len({verdict.key for verdict in ledger.all()}) == len(ledger.all()) == every
    assert (summary["calls"], summary["cached"], summary["failed"]) == (every, 0, 3)
    assert summary["comparisons"] == 3 * COUNT - 3


def test_the_ceiling_holds_over_a_kill(filled: Workspace, server: FakeOpenAI) -> None:
    limit = 0.06
    job = JobClient(filled).submit("judge", spec(judge="openai:gpt-4o", budget_usd=limit), "judge")
    keys = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.base_url}
    server.truth.latency = 0.05
    worker = start(filled, job, **keys)
    while server.usage.requests < 15:
        time.sleep(0.005)
    worker.kill()
    worker.wait(10)
    assert start(filled, job, **keys).wait(60) == 0
    result = job.result()
    assert result is not None, job.status().error
    assert result["summary"]["stopped"] == "budget"
    assert server.usage.cost("gpt-4o", 2.5, 10.0) <= result["summary"]["cost_usd"] <= limit


@pytest.mark.parametrize(
    ("fields", "environment", "code"),
    [
        ({"judge": "openai:gpt-4o"}, {}, "secret.missing"),
        ({"judge": "openai:mystery"}, {"OPENAI_API_KEY": KEY}, "price.unknown"),
        ({"judge": "nowhere:gpt-4o"}, {}, "endpoint.unknown"),
        ({"judge": "local:nothing"}, {}, "model.unknown"),
        ({"judge": "gpt-4o"}, {}, "judging.judge"),
        ({"judge": "openai:gpt-4o"}, {"OPENAI_API_KEY": WRONG, "OPENAI_BASE_URL": "LIVE"}, "endpoint.key"),
        (
            {"judge": "openai:gpt-4o"},
            {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"},
            "endpoint.unreachable",
        ),
    ],
)
def test_a_judge_that_cannot_be_asked_fails_in_one_sentence_and_changes_nothing(
    filled: Workspace,
    server: FakeOpenAI,
    monkeypatch: pytest.MonkeyPatch,
    fields: dict[str, str],
    environment: dict[str, str],
    code: str,
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value.replace("LIVE", server.base_url))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    with pytest.raises(BakeoffError) as caught:
        run_here(filled, spec(**fields))
    assert caught.value.code == code
    told = str(caught.value.as_dict()) + "".join(path.read_text() for path in filled.jobs.rglob("*.jsonl"))
    assert KEY not in told
    assert WRONG not in told
    assert CatalogueLedger(filled.catalogue, "d1", "test").all() == []
    assert server.usage.requests == 0


def test_a_plan_needs_no_key_and_sends_nothing(filled: Workspace, server: FakeOpenAI) -> None:
    plan = forecast(filled, spec(judge="openai:gpt-4o", max_comparisons=10))
    assert (plan.comparisons, plan.calls) == (10, 20)
    assert 0 < plan.expected_usd < plan.most_usd < 1
    assert forecast(filled, spec()).most_usd == 0
    assert server.usage.requests == 0
    with pytest.raises(PriceError):
        forecast(filled, spec(judge="openai:mystery"))


def test_what_cannot_be_judged_is_refused(filled: Workspace) -> None:
    quiet = SilentReporter()
    with pytest.raises(NameUnknownError, match="no dataset named 'colors'"):
        prepare(filled, spec(dataset="colors"), quiet)
    with pytest.raises(ContestantError, match="'Better' has not answered"):
        prepare(filled, spec(contestants=["Good", "Better"]), quiet)
    with pytest.raises(JudgingError, match="at least two"):
        forecast(filled, spec(contestants=["Good", "Good"]))
    for yardstick in (
        {"contestants": ["Good", "dataset"]},
        {"contestants": ["Good", "Bad", "dataset"], "goal": "beat:dataset"},
        {"contestants": ["Good", "Bad"], "goal": "beat:dataset"},
    ):
        with pytest.raises(JudgingError, match="measures answers by the dataset's own") as caught:
            forecast(filled, spec(**yardstick))
        assert "another judge" in caught.value.fix
    with pytest.raises(JudgingError, match="'Best' is not among the contestants"):
        forecast(filled, spec(goal="beat:Best"))
    with pytest.raises(JudgingError, match="is no goal"):
        forecast(filled, spec(goal="fastest"))


def test_a_sealed_dataset_is_refused(filled: Workspace, tmp_path: Path) -> None:
    sealed = NewDataset(id="d2", name="secret", folder="datasets/d1", manifest={}, sealed=True)
    _adopt(filled, "import-2", Adoption(datasets=[sealed]))
    with pytest.raises(SealedError):
        prepare(filled, spec(dataset="secret"), SilentReporter())


def test_a_contestant_that_skipped_prompts_is_compared_where_it_answered(filled: Workspace) -> None:
    first = list(DatasetStore(filled.datasets / "d1").examples("test"))[:5]
    _answer(filled, "Lazy", [Output(example.prompt_id, "zzz", "stop", 1, 0.1) for example in first])
    job, summary = run_here(filled, spec(contestants=["Good", "Lazy"], metric="label"))
    assert summary["comparisons"] == 5
    assert events(job)["judge.missing_answers"]["missing"] == {"Lazy": COUNT - 5}


def test_a_limit_chooses_the_prompts_that_generate_answers_with_it(filled: Workspace) -> None:
    store = DatasetStore(filled.datasets / "d1")
    chosen = [example.prompt_id for example in select(store, "test", limit=5)]
    assert chosen != [example.prompt_id for example in store.examples("test")][:5]
    prepared = prepare(filled, spec(limit=5), SilentReporter())
    assert [prompt.id for prompt in prepared.prompts] == chosen
