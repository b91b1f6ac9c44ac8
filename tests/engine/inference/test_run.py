"""Contestants answer for real: local ones in a worker, paid ones over HTTP; nothing is answered twice."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from engine.workspace import Workspace
from tests.conftest import Cli
from tests.fake_openai.server import FakeOpenAI
from tests.here import add_model, import_rows
from tests.tiny import tiny_model


@pytest.fixture
def ready(cli_here: Cli, workspace: Workspace, tmp_path: Path) -> Cli:
    """A workspace with a tiny base and a dataset of 12 test prompts."""
    rows = [
        {"input": f"question {n}?", "output": f"answer {n}", "split": "test" if n < 12 else "train"}
        for n in range(20)
    ]
    add_model(workspace, tiny_model(tmp_path / "base"), "base")
    import_rows(workspace, rows, "data")
    return cli_here


def test_every_prompt_gets_an_answer_with_its_cause_of_stopping(ready: Cli) -> None:
    result = ready("generate", "--model", "untuned:base", "--model", "dataset", "--dataset", "data", "--json")
    assert result.status == 0, result.stderr
    outputs = result.json["outputs"]
    own = [row for row in outputs if row["model"] == "dataset"]
    assert sorted(row["text"] for row in own) == sorted(f"answer {n}" for n in range(12))
    answers = [row for row in outputs if row["model"] == "untuned:base"]
    assert len(answers) == 12
    assert {row["stop"] for row in answers} <= {"stop", "length"}
    assert all(row["tokens"] >= 0 and row["seconds"] > 0 for row in answers)


def test_how_tokens_were_chosen_is_recorded_with_each_answer(ready: Cli, workspace: Workspace) -> None:
    rows = ready(
        "generate", "--model", "untuned:base", "--model", "dataset", "--dataset", "data", "--json"
    ).json
    (told,) = {json.dumps(row["sampling"]) for row in rows["outputs"] if row["model"] == "untuned:base"}
    sampling = json.loads(told)
    assert sampling["greedy"] is True
    assert sampling["max_new_tokens"] > 0
    assert all(row["sampling"] is None for row in rows["outputs"] if row["model"] == "dataset")
    kept = [
        json.loads(pq.read_schema(file).metadata[b"contestant"])
        for file in workspace.outputs.rglob("*.parquet")
    ]
    assert [identity["sampling"] for identity in kept if "weights" in identity] == [sampling]
    assert len(kept) == 2


def test_what_was_answered_is_not_answered_again(ready: Cli) -> None:
    command = ("generate", "--model", "untuned:base", "--dataset", "data", "--json")
    few = ready(*command, "--limit", "4").json["outputs"]
    all_of_them = ready(*command).json["outputs"]
    assert len(few) == 4
    assert len(all_of_them) == 12
    known = {row["prompt_id"]: row for row in all_of_them}
    assert all(known[row["prompt_id"]] == row for row in few)


def test_few_shot_contestants_see_solved_examples(ready: Cli) -> None:
    plain = ready("generate", "--model", "untuned:base", "--dataset", "data", "--json").json["outputs"]
    shown = ready("generate", "--model", "fewshot:base", "--dataset", "data", "--json").json["outputs"]
    assert [row["text"] for row in plain] != [row["text"] for row in shown]


def test_an_endpoints_model_answers_over_http_once(ready: Cli, workspace: Workspace) -> None:
    with FakeOpenAI() as server:
        environment = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "sk-test"}
        command = ("generate", "--model", "openai:gpt-4", "--dataset", "data", "--budget-usd", "1", "--json")
        first = ready(*command, environment=environment)
        assert first.status == 0, first.stderr
        assert len(first.json["outputs"]) == 12
        assert all(row["cost_usd"] > 0 for row in first.json["outputs"])
        assert all(row["sampling"]["temperature"] == 0.0 for row in first.json["outputs"])
        calls = server.usage.calls.total()
        again = ready(*command, environment=environment)
        assert again.json["outputs"] == first.json["outputs"]
        assert server.usage.calls.total() == calls


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--model", "nobody"), "model.unknown"),
        (("--model", "nowhere:gpt-4", "--budget-usd", "1"), "contestant.unknown_endpoint"),
        (("--model", "openai:gpt-4"), "budget.missing"),
        (("--model", "openai:no-such-model", "--budget-usd", "1"), "price.unknown"),
        (("--model", "untuned:base", "--split", "dev"), "generate.no_prompts"),
    ],
)
def test_what_cannot_be_asked_is_told_in_a_sentence(
    ready: Cli, arguments: tuple[str, ...], code: str
) -> None:
    result = ready(
        "generate", "--dataset", "data", "--json", *arguments, environment={"OPENAI_API_KEY": "sk-x"}
    )
    assert result.status == 1
    assert result.json["error"]["code"] == code
    assert result.json["error"]["fix"]


def test_a_prompt_that_the_template_cannot_render_is_named(
    cli_here: Cli, workspace: Workspace, tmp_path: Path
) -> None:
    strict = (
        "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('Roles must alternate') }}{% endif %}{{ m.content }}{% endfor %}"
    )
    rows = [
        {
            "messages": [
                *[{"role": "user", "content": f"q{n}"}] * (2 if n == 3 else 1),
                {"role": "assistant", "content": "a"},
            ],
            "split": "test",
        }
        for n in range(6)
    ]
    add_model(workspace, tiny_model(tmp_path / "base", chat_template=strict), "base")
    import_rows(workspace, rows, "data")
    error = cli_here("generate", "--model", "untuned:base", "--dataset", "data", "--json").json["error"]
    assert error["code"] == "template.fails"
    assert error["row"] == 4
    assert "'untuned:base' cannot be asked row 4" in error["message"]


def test_prompts_that_fill_the_context_get_an_empty_answer_and_are_told(
    cli_here: Cli, workspace: Workspace, tmp_path: Path
) -> None:
    rows = [{"input": "x" * (200 if n == 2 else 20), "output": "y" * 20, "split": "test"} for n in range(4)]
    rows += [{"input": "z", "output": "y" * 20, "split": "train"}] * 2
    rows = [{**row, "input": f"{n} {row['input']}"} for n, row in enumerate(rows)]
    add_model(workspace, tiny_model(tmp_path / "base", context=60), "base")
    import_rows(workspace, rows, "data")
    result = cli_here("generate", "--model", "untuned:base", "--dataset", "data", "--json")
    assert result.status == 0, result.stderr
    empty = [row for row in result.json["outputs"] if row["tokens"] == 0 and row["stop"] == "length"]
    assert len(empty) == 1
    assert "1 prompts get an empty answer" in result.stderr
    assert "answer_room" in result.stderr
