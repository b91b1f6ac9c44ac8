"""``bakeoff chat`` as a person and as a script use it."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from engine.cli.chat_export import export_examples
from engine.cli.chat_terminal import _interruptible
from engine.inference.chat.conversation import Conversation, Pane, Turn
from engine.inference.contestants import recorded_file
from engine.workspace import Workspace
from engine.workspace.tables import Export, Model
from tests.conftest import Cli, CliResult, clean_environment
from tests.engine.inference.chat.test_conversation import answer
from tests.fake_openai.server import FakeOpenAI
from tests.here import add_model
from tests.tiny_families import exportable_model


@pytest.fixture
def two(workspace: Workspace, tmp_path: Path) -> Workspace:
    for seed, name in enumerate(("one", "two")):
        add_model(workspace, exportable_model(tmp_path / name, seed=seed), name)
    return workspace


def chat(
    workspace: Workspace, folder: Path, lines: str, *words: object, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "engine.cli.main", "chat", *map(str, words)],
        input=lines,
        encoding="utf-8",
        errors="surrogateescape",
        env={**clean_environment(workspace.root, folder), **environment},
        cwd=folder,
        capture_output=True,
        timeout=300,
        check=False,
    )


def test_two_models_side_by_side_and_what_becomes_of_it(
    cli_here: Cli, two: Workspace, tmp_path: Path
) -> None:
    lines = "/system Be brief.\nWhat is\\\nthis?\n/vote 2\n/set temperature 0\n/regenerate 1\n/vote tie\n"
    lines += "/vote 1\n/export /nowhere/x.jsonl\n/vote \u00b2\n/trim \u00b2\n"
    lines += "/nonsense\n/vote 7\n/set colour 3\n/set top_p 9\n/trim 5\n"
    lines += "/export won.jsonl\n/quit\nnever asked\n"
    done = chat(two, tmp_path, lines, "one", "two@q4_0", "--max-new-tokens", "8", "--json")
    assert done.returncode == 0, done.stderr
    talk = json.loads(done.stdout)
    assert [pane["quantisation"] for pane in talk["panes"]] == ["q8_0", "q4_0"]
    assert all(Path(pane["file"]).is_file() and pane["sha256"] for pane in talk["panes"])
    (turn,) = talk["turns"]
    assert turn["prompt"] == "What is\nthis?"
    assert set(turn["answers"]) == {"0", "1"}
    assert turn["answers"]["0"]["sampling"]["temperature"] == 0
    assert turn["vote"] == 0
    for said in (
        "no folder /nowhere",
        "'\u00b2' is no pane",
        "/nonsense",
        "no answer 7",
        "no setting 'colour'",
        "cannot be set",
        "5 turns cannot be left out",
    ):
        assert said in done.stderr
    imported = cli_here("dataset", "import", tmp_path / "won.jsonl", "--name", "won", "--json")
    assert imported.json["examples"] == 1

    again = chat(two, tmp_path, "And that?\n", "--continue", talk["id"], "--json")
    assert len(json.loads(again.stdout)["turns"]) == 2
    listed = cli_here("chat", "--list", "--json")
    assert [(row["id"], row["turns"]) for row in listed.json] == [(talk["id"], 2)]
    assert cli_here("chat", "--continue", talk["id"], "--dataset-export", "won.jsonl").status == 1
    assert cli_here("chat", "--verdicts", tmp_path / "votes.csv", "--json").json["verdicts"] == 1
    ranked = cli_here("rank", "--verdicts", tmp_path / "votes.csv", "--json")
    assert {row["name"] for row in ranked.json["contestants"]} == {"one", "two@q4_0"}
    for _ in range(2):  # the same at once, and again
        assert cli_here("rank", "--votes", "--json").json == ranked.json
    assert cli_here("rank", "--votes", "--judge", "x").status == 2
    assert cli_here("chat", "--verdicts", tmp_path / "votes.csv").status == 1  # it exists
    smaller = cli_here("export", "one", tmp_path / "other.gguf", "--as", "gguf", "--quant", "q4_0")
    assert smaller.status == 0, smaller.stderr
    gone_on = chat(two, tmp_path, "And now?\n", "--continue", talk["id"], "--json")
    assert [pane["sha256"] for pane in json.loads(gone_on.stdout)["panes"]] == [
        pane["sha256"] for pane in talk["panes"]
    ]
    other = chat(two, tmp_path, "x\n", "two", "--continue", talk["id"])
    assert other.returncode == 1
    assert "was held with one, two@q4_0" in other.stderr


def test_models_behind_endpoints_need_a_budget(two: Workspace, tmp_path: Path) -> None:
    with FakeOpenAI() as fake:
        access = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": fake.base_url}
        refused = chat(two, tmp_path, "Hello\n", "openai:gpt-4o", **access)
        assert refused.returncode == 1
        assert "--budget-usd" in refused.stderr
        assert not fake.usage.requests
        done = chat(two, tmp_path, "Hello\n", "openai:gpt-4o", "--budget-usd", "1", **access)
        assert done.returncode == 0, done.stderr
        assert "USD" in done.stdout
        assert fake.usage.requests == 1


def test_who_cannot_be_talked_with_is_refused(cli: Cli, two: Workspace) -> None:
    for words, status, said in (
        ((), 2, "Nobody is named"),
        (("three",), 1, "no model named 'three'"),
        (("dataset",), 1, "no model to talk with"),
        (("untuned:one",), 1, "no model to talk with"),
        (("one@q9",), 1, "q9"),
        (("--continue", "x"), 1, "no conversation 'x'"),
        (("one", "--dataset-export", "f"), 2, "needs --continue"),
        (("one", "--temperature", "9"), 2, "temperature"),
        (("one", "--max-new-tokens", "0"), 2, "1 or more"),
    ):
        failed = cli("chat", *words)
        assert (failed.status, said in failed.stderr) == (status, True), failed.stderr
        assert "Traceback" not in failed.stderr


@contextmanager
def endpoint() -> Iterator[tuple[FakeOpenAI, dict[str, str]]]:
    with FakeOpenAI() as fake:
        yield fake, {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": fake.base_url}


def test_a_conversation_goes_on_with_the_file_that_has_answered(
    cli_here: Cli, workspace: Workspace, tmp_path: Path
) -> None:
    add_model(workspace, exportable_model(tmp_path / "one"), "one")
    with endpoint() as (_, access):

        def talk(*words: str, input: str) -> CliResult:
            options = ("--max-new-tokens", "4", "--budget-usd", "1", "--json")
            done = cli_here("chat", *words, *options, input=input, environment=access)
            assert done.status == 0, done.stderr
            return done

        begun = talk("one", "openai:gpt-4o", input="Hello?\n/vote 1\n").json
        first = begun["panes"][0]
        made = cli_here("export", "one", tmp_path / "one.gguf", "--as", "gguf", "--quant", "q4_0")
        assert made.status == 0, made.stderr
        same = talk("--continue", begun["id"], input="And now?\n/vote 2\n")
        assert same.json["panes"][0] == first
        assert "not there any more" not in same.stderr
        Path(first["file"]).unlink()
        other = talk("--continue", begun["id"], input="And then?\n/vote 1\n")
    assert f"(q8_0, sha256 {first['sha256'][:12]}) is not there any more" in other.stderr
    given = [turn["answers"]["0"] for turn in other.json["turns"]]
    assert [one["quantisation"] for one in given] == ["q8_0", "q8_0", "q4_0"]
    assert [one["sha256"] == first["sha256"] for one in given] == [True, True, False]
    assert cli_here("chat", "--verdicts", "votes.csv").status == 0
    names = [f"one {one['quantisation']} {one['sha256'][:8]}" for one in given]
    with (tmp_path / "votes.csv").open(newline="") as stream:
        rows = [(row["a"], row["b"]) for row in csv.DictReader(stream)]
    paid = "openai:gpt-4o"
    assert rows == [(names[0], paid), (paid, names[1]), (names[2], paid)]


def test_a_file_that_was_written_over_has_not_answered(workspace: Workspace, tmp_path: Path) -> None:
    add_model(workspace, exportable_model(tmp_path / "one"), "one")
    file = tmp_path / "one.gguf"
    file.write_bytes(b"0123456789")
    with workspace.catalogue.writing() as session:
        for number, sha256 in enumerate(("aa" * 32, "bb" * 32)):
            session.add(
                Export(
                    id=f"e{number}",
                    model_id=session.scalars(select(Model.id)).one(),
                    made_of="x",
                    quantisation="q8_0",
                    file=str(file),
                    sha256=sha256,
                    info={"bytes": 10},
                    created_at=datetime(2026, 1, 1 + number),
                )
            )
    assert recorded_file(workspace, "one", "aa" * 32) is None
    found = recorded_file(workspace, "one", "bb" * 32)
    assert found is not None
    assert found[1].file == file
    file.write_bytes(b"01")
    assert recorded_file(workspace, "one", "bb" * 32) is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8:surrogateescape"])
def test_plausible_input_ends_no_conversation(workspace: Workspace, tmp_path: Path, encoding: str) -> None:
    lines = "Caf\udce9?\n/export nowhere/x.jsonl 1\n/export ~nobody-at-all/x.jsonl 1\n/export ~/x.jsonl 1\n"
    lines += (
        "/export\n/vote \u00b2\n/trim \u00b2\n/regenerate \u00b2\n/trim 99999999999999999999\n/set seed x\n"
    )
    lines += "/set top_p 9\n/vote 1\nStill here?\n"
    with endpoint() as (_, access):
        done = chat(
            workspace,
            tmp_path,
            lines,
            *("openai:gpt-4o", "--budget-usd", "1", "--system", "Br\udcefve", "--json"),
            **access,
            PYTHONIOENCODING=encoding,
        )
    assert done.returncode == 0, done.stderr
    talk = json.loads(done.stdout)
    assert [turn["answers"]["0"]["text"] for turn in talk["turns"]] == ["Caf\ufffd?", "Still here?"]
    assert talk["system"] == "Br\ufffdve"
    for said in (
        "no folder nowhere for nowhere/x.jsonl",
        "no home folder for ~nobody-at-all",
        "No file is named",
        "'\u00b2' is no pane",
        "'\u00b2' is no number of turns",
        "'99999999999999999999' is no number",
        "The value of 'seed' cannot be set: it is not a whole number",
        "The value of 'top-p' cannot be set: it has to be at most 1",
        "no two answers to compare yet",
    ):
        assert said in done.stderr
    example = json.loads((tmp_path / "x.jsonl").read_text(encoding="utf-8"))
    assert example["messages"][-1]["content"] == "Caf\ufffd?"


def test_a_disk_that_is_no_place_for_a_file_ends_no_conversation(
    cli_here: Cli, workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / ("x" * 200)).mkdir()
    with endpoint() as (_, access):
        done = cli_here(
            *("chat", "openai:gpt-4o", "--budget-usd", "1", "--json"),
            input=f"Hello?\n/export {'y' * 250} 1\nAnd now?\n",
            environment=access,
        )
    assert done.status == 0, done.stderr
    assert "File name too long" in done.stderr
    assert len(done.json["turns"]) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE is a POSIX limit")
def test_a_file_of_examples_is_whole_or_not_there(tmp_path: Path) -> None:
    import resource

    talk = Conversation(
        id="x",
        created=1.0,
        panes=[Pane(name="one", kind="local")],
        turns=[Turn(prompt="What?", answers={0: answer("That. " * 500)})],
    )
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            export_examples(talk, tmp_path / "x.jsonl", 0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_what_a_model_writes_does_not_steer_the_terminal(
    cli_here: Cli, workspace: Workspace, tmp_path: Path
) -> None:
    text = "\x1b]0;gone\x07\x1b[2J10\u202f000\u00a0\u20ac \u0645\u06cc\u200c\u062e \u202eabc"
    with endpoint() as (fake, access):
        fake.truth.failures = ["ok", "429:500"]
        fake.truth.answers, fake.truth.script = "scripted", {"Hello": text}
        done = cli_here(
            *("chat", "openai:gpt-4o", "--budget-usd", "1"), input="Hello?\nAgain\n", environment=access
        )
    assert done.status == 0, done.stderr
    shown = "\ufffd]0;gone\ufffd\ufffd[2J10\u202f000\u00a0\u20ac \u0645\u06cc\u200c\u062e \ufffdabc"
    assert shown in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert "asks to wait 500 s" in done.stdout
    (kept,) = workspace.conversations.glob("*.json")
    assert json.loads(kept.read_text(encoding="utf-8"))["turns"][0]["answers"]["0"]["text"] == text


def test_what_a_reasoning_model_does_not_take_or_say_is_told(cli_here: Cli, workspace: Workspace) -> None:
    with endpoint() as (fake, access):
        fake.truth.failures = ["ok"] * 5 + ["spent", "refusal"]
        done = cli_here(
            *("chat", "openai:o3", "openai:gpt-4o", "--budget-usd", "1"),
            input="Hello?\n/vote 1\nAnd now?\n/vote 2\n/export x.jsonl\n/export y.jsonl 2\n",
            environment=access,
        )
        asked = [body["model"] for body in fake.usage.bodies]
    assert asked == ["o3"] * 4 + ["gpt-4o", "o3", "gpt-4o"], done.stdout
    assert "top_p: left out (the endpoint 'openai' refuses it for o3)" in done.stderr
    assert "1,024 tokens" in done.stdout
    assert "cut off at the longest length before a word was said" in done.stdout
    assert "a larger --max-new-tokens" in done.stdout
    assert "answer 2 does not count (the model refused)" in done.stdout
    assert "1 example in x.jsonl.\n" in done.stdout
    assert "1 example in y.jsonl. Left out: 1 empty, refused, withheld or stopped answers." in done.stdout


def opened(workspace: Workspace, folder: Path, access: dict[str, str], *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "engine.cli.main", "chat", *words, "--budget-usd", "1"],
        env={**clean_environment(workspace.root, folder), **access},
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        bufsize=1,
    )


def until(process: subprocess.Popen[str], text: str) -> None:
    """Read what the process says until a line holds ``text``."""
    assert process.stdout is not None
    assert any(text in line for line in process.stdout), f"it ended without {text!r}"


def test_ctrl_c_ends_a_silent_answer_and_at_the_prompt_the_command(
    cli_here: Cli, workspace: Workspace, tmp_path: Path
) -> None:
    with endpoint() as (fake, access):
        fake.truth.failures = ["hush:60"]
        process = opened(workspace, tmp_path, access, "openai:gpt-4o")
        assert process.stdin is not None
        process.stdin.write("Hello?\n")
        deadline = time.monotonic() + 60
        while not fake.usage.requests:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        until(process, "it was stopped")
        assert time.monotonic() - began < 10
        process.stdin.write("Still here?\n")
        until(process, "tokens")
        (kept,) = workspace.conversations.glob("*.json")
        # While it is open, nobody else goes on with it.
        other = cli_here("chat", "--continue", kept.stem, "--budget-usd", "1", environment=access)
        assert other.status == 1
        assert "is open in another process" in other.stderr
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    assert f"go on with: bakeoff chat --continue {kept.stem}" in process.communicate()[1]
    talk = json.loads(kept.read_text(encoding="utf-8"))
    assert [turn["answers"]["0"]["stop"] for turn in talk["turns"]] == ["stopped", "stop"]


def test_ctrl_c_that_is_not_heard_ends_the_command_the_second_time() -> None:
    before = signal.getsignal(signal.SIGINT)
    with _interruptible() as stopped:
        os.kill(os.getpid(), signal.SIGINT)
        assert stopped.is_set()
        stopped.clear()  # it was heard
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_damaged_conversations_are_told_where_votes_are_written(cli_here: Cli, workspace: Workspace) -> None:
    with endpoint() as (_, access):
        talk = cli_here(
            *("chat", "openai:gpt-4o", "openai:gpt-4", "--budget-usd", "1", "--json"),
            input="Hello?\n/vote 1\n",
            environment=access,
        ).json
    kept = workspace.conversations / f"{talk['id']}.json"
    (workspace.conversations / "copy.json").write_bytes(kept.read_bytes())
    (workspace.conversations / "half.json").write_bytes(kept.read_bytes()[:100])
    listed = cli_here("chat", "--list", "--json")
    assert [row["id"] for row in listed.json] == [talk["id"]]
    written = cli_here("chat", "--verdicts", "votes.csv", "--json")
    assert written.json["verdicts"] == 1
    assert [Path(file).name for file in written.json["damaged"]] == ["copy.json", "half.json"]
    for said in (listed.stderr, written.stderr):
        assert f"copy.json says that it is the conversation '{talk['id']}'" in said
        assert "half.json cannot be read" in said
    assert "no folder" in cli_here("chat", "--verdicts", "nowhere/votes.csv").stderr


def test_who_says_nothing_leaves_nothing(cli_here: Cli, workspace: Workspace) -> None:
    with endpoint() as (_, access):
        done = cli_here("chat", "openai:gpt-4o", "--budget-usd", "1", input="/quit\n", environment=access)
    assert done.status == 0
    assert "Saved as" not in done.stdout
    assert list(workspace.conversations.iterdir()) == []
