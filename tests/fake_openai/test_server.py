"""The fake server keeps its word: truth, bias, ties, counts, and the command by hand."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.fake_openai import FakeOpenAI, Truth

QUESTION = (
    "[answer A 00]\n{first}\n[end of answer A 00]\n[answer B 00]\n{second}\n[end of answer B 00]\n({number})"
)


def post(url: str, body: Any) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.loads(response.read())


def compare(server: FakeOpenAI, first: str, second: str, number: int) -> str:
    text = QUESTION.format(first=first, second=second, number=number)
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": text}], "response_format": {}}
    answer = post(f"{server.base_url}/chat/completions", body)["choices"][0]["message"]["content"]
    return str(json.loads(answer)["verdict"])


def shares(truth: Truth, count: int = 400) -> dict[str, float]:
    with FakeOpenAI(truth) as server:
        verdicts = [compare(server, "good", "bad", number) for number in range(count)]
    return {name: verdicts.count(name) / count for name in ("A", "B", "tie")}


def test_verdicts_follow_bradley_terry_with_bias_and_ties() -> None:
    # 1 / (1 + exp(-1)) = 0.731; four standard errors of 400 draws are 0.09.
    assert shares(Truth(strengths={"good": 1.0}))["A"] == pytest.approx(0.731, abs=0.09)
    assert shares(Truth(strengths={"good": 1.0}, first_bonus=-2.0))["A"] == pytest.approx(0.269, abs=0.09)
    assert shares(Truth(tie_rate=0.3))["tie"] == pytest.approx(0.3, abs=0.09)
    assert shares(Truth(strengths={"good": 0.1}, certain=True), 5) == {"A": 1.0, "B": 0.0, "tie": 0.0}


def test_the_same_request_gets_the_same_verdict_and_another_seed_another() -> None:
    def run(seed: int) -> list[str]:
        with FakeOpenAI(Truth(seed=seed)) as server:
            return [compare(server, "x", "y", number) for number in range(30)]

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_it_answers_as_it_is_told() -> None:
    with FakeOpenAI(Truth(answers="scripted", script={"capital": "Paris"})) as server:

        def ask(text: str) -> str:
            body = {"model": "gpt-4", "messages": [{"role": "user", "content": text}]}
            return str(post(f"{server.base_url}/chat/completions", body)["choices"][0]["message"]["content"])

        assert ask("The capital of France?") == "Paris"
        root = server.base_url.removesuffix("/v1")
        post(f"{root}/fake/truth", {"answers": "labels", "labels": ["x", "y"]})
        assert {ask(f"message {number}") for number in range(20)} == {"x", "y"}
        with urllib.request.urlopen(f"{root}/fake/usage", timeout=10) as response:
            assert json.loads(response.read())["calls"] == {"gpt-4": 21}


def test_it_can_be_run_by_hand(tmp_path: Path) -> None:
    truth = tmp_path / "truth.json"
    truth.write_text(json.dumps({"strengths": {"good": 5}, "certain": True}))
    command = [sys.executable, "-m", "tests.fake_openai", "--truth", str(truth), "--set", 'models=["only"]']
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with urllib.request.urlopen(f"{url}/models", timeout=10) as response:
            assert [model["id"] for model in json.loads(response.read())["data"]] == ["only"]
        process.terminate()


def test_a_setting_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    truth = tmp_path / "truth.json"
    truth.write_text('{"strenghts": {}}')
    with pytest.raises(ValueError, match="strenghts"):
        Truth.from_file(truth)
