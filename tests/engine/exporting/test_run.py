"""Exports for real: through the job to the file, the catalogue and the contestants that it becomes."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest
from gguf import GGUFReader, GGUFWriter

from engine.exporting import making, vocabulary, writing
from engine.exporting.drift.spec import DriftSpec
from engine.exporting.errors import ExportError
from engine.exporting.spec import ExportSpec
from engine.inference.spec import GenerateSpec
from engine.jobs.client import JobClient, JobFailedError
from engine.jobs.directory import JobDirectory, all_jobs
from engine.models.errors import TemplateError
from engine.models.library import find_export, find_model
from engine.training.spec import TrainRecipe, TrainSpec
from engine.workspace import Workspace
from tests.conftest import REPOSITORY, Cli
from tests.here import add_model, do, import_rows, threads_for_processes
from tests.tiny import tiny_model
from tests.tiny_families import merge_bytes

COLOURS = ("red", "green", "blue")


@pytest.fixture(autouse=True)
def known_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny model's tokenizer, whose hash nobody knows, counts as one that is known."""
    monkeypatch.setattr(vocabulary, "pre_tokenizer", lambda tokenizer, folder: "gpt-2")


@pytest.fixture
def ready(workspace: Workspace, tmp_path: Path) -> Workspace:
    """A base, a dataset with a test split, and an adapter trained on it."""
    folder = tiny_model(tmp_path / "base", hidden=64, layers=3)
    merge_bytes(folder)
    add_model(workspace, folder, "base")
    rows = [
        {"input": f"thing {n}", "output": COLOURS[n % 3], "split": "test" if n < 9 else "train"}
        for n in range(40)
    ]
    import_rows(workspace, rows, "colours")
    recipe = TrainRecipe(epochs=1, lora_rank=4, method="lora")
    do(workspace, "train", TrainSpec(base="base", dataset="colours", name="tuned", recipe=recipe))
    return workspace


def test_an_adapter_becomes_a_gguf_file_that_answers(ready: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "tuned.gguf"
    spec = ExportSpec(model="tuned", quantisation="q8_0", out=str(out))
    summary = do(ready, "export", spec)[1]
    assert summary["bytes"] == out.stat().st_size
    assert summary["parity"] == {"texts": 45, "different": 0, "template": True}
    export = find_export(ready, find_model(ready, "tuned"), "q8_0")
    assert export is not None
    assert (export.file, export.sha256) == (out, summary["sha256"])
    answers = do(ready, "generate", GenerateSpec(models=["tuned@q8_0", "tuned"], dataset="colours"))[1]
    by_model = {
        name: [row for row in answers["outputs"] if row["model"] == name] for name in ("tuned@q8_0", "tuned")
    }
    assert len(by_model["tuned@q8_0"]) == len(by_model["tuned"]) == 9
    assert {row["stop"] for row in by_model["tuned@q8_0"]} <= {"stop", "length"}
    again = do(ready, "generate", GenerateSpec(models=["tuned@Q8_0"], dataset="colours"))[1]
    assert [row["text"] for row in again["outputs"]] == [row["text"] for row in by_model["tuned@q8_0"]]


def test_answers_end_before_stop_texts(ready: Workspace) -> None:
    do(ready, "export", ExportSpec(model="tuned", quantisation="q8_0"))
    models = ["tuned@q8_0", "tuned"]
    plain = do(ready, "generate", GenerateSpec(models=models, dataset="colours", max_new_tokens=24))[1]
    letters = sorted({letter for row in plain["outputs"] for letter in row["text"][1:]})
    stops = [letters[0], letters[len(letters) // 2], "never to be seen"]
    spec = GenerateSpec(models=models, dataset="colours", max_new_tokens=24, stop=stops)
    cut = do(ready, "generate", spec)[1]
    ended = 0
    for before, after in zip(plain["outputs"], cut["outputs"], strict=True):
        first = min((place for stop in stops if (place := before["text"].find(stop)) >= 0), default=None)
        assert after["text"] == before["text"][:first].strip()
        assert after["tokens"] <= before["tokens"]
        if first is not None:
            assert after["stop"] == "stop"
            ended += 1
        assert after["sampling"]["stop"] == stops
    assert ended > 4


def test_the_file_of_an_adapter_is_that_of_the_merged_folder(ready: Workspace, tmp_path: Path) -> None:
    merged = tmp_path / "merged"
    do(ready, "export", ExportSpec(model="tuned", form="merged", out=str(merged)))
    add_model(ready, merged, "merged")
    tensors = []
    for name in ("tuned", "merged"):
        out = tmp_path / f"{name}.gguf"
        do(ready, "export", ExportSpec(model=name, quantisation="q4_0", out=str(out)))
        tensors.append({tensor.name: tensor.data.tobytes() for tensor in GGUFReader(out).tensors})
    assert tensors[0] == tensors[1]
    template = find_model(ready, "tuned").folder / "chat_template.jinja"
    assert (merged / template.name).read_bytes() == template.read_bytes()


def test_a_file_that_was_written_over_is_only_the_new_models(ready: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "same.gguf"
    do(ready, "export", ExportSpec(model="base", quantisation="q8_0", out=str(out)))
    out.unlink()
    do(ready, "export", ExportSpec(model="tuned", quantisation="q8_0", out=str(out)))
    assert find_export(ready, find_model(ready, "base"), "q8_0") is None
    found = find_export(ready, find_model(ready, "tuned"), "q8_0")
    assert found is not None
    assert found.file == out


def test_a_file_that_others_changed_is_no_longer_the_models(ready: Workspace, tmp_path: Path) -> None:
    out, files = tmp_path / "base.gguf", find_model(ready, "base")
    do(ready, "export", ExportSpec(model="base", quantisation="q8_0", out=str(out)))
    content = out.read_bytes()
    out.write_bytes(content)  # put back from elsewhere: of another date, and just the same
    assert find_export(ready, files, "q8_0") is not None
    out.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert find_export(ready, files, "q8_0") is None


def test_a_file_that_another_converter_made_is_checked_and_taken_over(
    cli_here: Cli, ready: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tmp_path / "made.gguf"
    do(ready, "export", ExportSpec(model="tuned", quantisation="q8_0", out=str(made)))
    files = find_model(ready, "tuned")
    made = made.rename(tmp_path / "elsewhere.gguf")
    assert find_export(ready, files) is None
    monkeypatch.setattr(ready_families(), "FAMILIES", {})  # nothing can be exported here
    refused = cli_here("export", "tuned", tmp_path / "no.gguf", "--as", "gguf")
    assert "--converted FILE.gguf" in refused.stderr
    done = cli_here("export", "tuned", tmp_path / "taken.gguf", "--as", "gguf", "--converted", made, "--json")
    assert done.status == 0, done.stderr
    assert (done.json["quantisation"], done.json["parity"]["different"]) == ("q8_0", 0)
    assert (tmp_path / "taken.gguf").read_bytes() == made.read_bytes()
    export = find_export(ready, files)
    assert export is not None
    assert export.file == tmp_path / "taken.gguf"
    answers = do(ready, "generate", GenerateSpec(models=["tuned@q8_0"], dataset="colours"))[1]
    assert len(answers["outputs"]) == 9


def test_what_a_killed_export_has_left_is_removed(ready: Workspace, tmp_path: Path) -> None:
    left, others = tmp_path / ".b.gguf.0123abcd.partial", tmp_path / ".bb.gguf.0123abcd.partial"
    for file in (left, others):
        file.write_bytes(b"half")
    do(ready, "export", ExportSpec(model="base", quantisation="q8_0", out=str(tmp_path / "b.gguf")))
    assert not left.exists()
    assert others.exists()


def test_a_converted_file_that_cannot_be_loaded_or_is_of_another_size_is_refused(
    ready: Workspace, tmp_path: Path
) -> None:
    made = tmp_path / "made.gguf"
    do(ready, "export", ExportSpec(model="tuned", quantisation="q8_0", out=str(made)))
    whole = made.read_bytes()
    at = whole.index(b"llama.embedding_length") + len(b"llama.embedding_length") + 4
    made.write_bytes(whole[:at] + (7).to_bytes(4, "little") + whole[at + 4 :])
    with pytest.raises(JobFailedError) as caught:
        do(ready, "export", ExportSpec(model="tuned", out=str(tmp_path / "a.gguf"), converted=str(made)))
    assert caught.value.code == "export.converted_broken"
    larger = tiny_model(tmp_path / "larger", hidden=64, layers=30)
    merge_bytes(larger)
    add_model(ready, larger, "larger")
    do(ready, "export", ExportSpec(model="larger", quantisation="q8_0", out=str(made)))
    with pytest.raises(JobFailedError) as caught:
        do(ready, "export", ExportSpec(model="tuned", out=str(tmp_path / "a.gguf"), converted=str(made)))
    assert caught.value.code == "export.converted_size"
    assert not (tmp_path / "a.gguf").exists()


def test_a_place_that_takes_no_file_is_told(
    ready: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = GGUFWriter.write_header_to_file

    def refused(writer: GGUFWriter, file: Path) -> None:
        if file.parent == tmp_path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        write(writer, file)

    monkeypatch.setattr(GGUFWriter, "write_header_to_file", refused)
    out = tmp_path / "out.gguf"
    with pytest.raises(JobFailedError, match=r"out.gguf cannot be written: Permission denied\.") as caught:
        do(ready, "export", ExportSpec(model="base", quantisation="q8_0", out=str(out)))
    assert caught.value.code == "export.not_written"
    assert list(tmp_path.glob("*.partial")) == []


def test_a_dry_run_refuses_the_tokenizer_that_the_export_would_refuse(
    cli: Cli, ready: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    del ready
    planned = cli("export", "base", tmp_path / "x.gguf", "--as", "gguf", "--quant", "q8_0", "--dry-run")
    assert planned.status == 1
    assert "does not know" in planned.stderr


@pytest.mark.parametrize("form", ["adapter", "merged"])
def test_a_disk_that_is_full_while_a_folder_is_copied_is_told(
    ready: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("shutil.copyfile", full)
    model = "tuned" if form == "adapter" else "base"
    with pytest.raises(JobFailedError, match="disk") as caught:
        do(ready, "export", ExportSpec(model=model, form=form, out=str(tmp_path / "out")))
    assert caught.value.code == "export.disk_full"
    assert str(tmp_path / "out") in str(caught.value)
    assert not list(tmp_path.glob("*out*"))


def test_a_file_of_the_model_that_cannot_be_read_is_named(ready: Workspace, tmp_path: Path) -> None:
    folder = find_model(ready, "base").folder
    (folder / "notes.txt").symlink_to(tmp_path / "nowhere")
    try:
        with pytest.raises(JobFailedError) as caught:
            do(ready, "export", ExportSpec(model="base", form="merged", out=str(tmp_path / "out")))
    finally:
        (folder / "notes.txt").unlink()
    assert caught.value.code == "export.not_read"
    assert "notes.txt cannot be read" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_disk_that_is_full_names_the_folder_for_ollama_that_was_asked_for(
    ready: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("engine.exporting.writing.stored", full)  # where the first rows are turned
    out = tmp_path / "for-ollama"
    with pytest.raises(JobFailedError) as caught:
        do(ready, "export", ExportSpec(model="base", form="ollama", quantisation="q8_0", out=str(out)))
    assert caught.value.code == "export.disk_full"
    assert f"{out} needs about" in str(caught.value)
    assert ".partial" not in str(caught.value)
    assert not list(tmp_path.glob("*for-ollama*"))


def test_what_cannot_be_taken_over_is_refused(cli_here: Cli, ready: Workspace, tmp_path: Path) -> None:
    broken, notes = tmp_path / "broken.gguf", tmp_path / "notes.gguf"
    do(ready, "export", ExportSpec(model="base", quantisation="q8_0", out=str(broken)))
    broken.write_bytes(broken.read_bytes()[:2000])
    notes.write_text("no model at all", encoding="utf-8")
    for words, said in (
        (("--as", "gguf", "--converted", broken), "broken.gguf"),
        (("--as", "gguf", "--converted", notes), "notes.gguf"),
        (("--as", "gguf", "--converted", tmp_path / "missing.gguf"), "There is no file"),
        (("--as", "merged", "--converted", broken), "--as merged asks for another"),
        (("--as", "gguf", "--quant", "q8_0", "--converted", broken), "--quant asks for another"),
    ):
        failed = cli_here("export", "base", tmp_path / "out.gguf", *words)
        assert failed.status == 1, words
        assert said in failed.stderr
        assert not (tmp_path / "out.gguf").exists()


def ready_families() -> ModuleType:
    """The module in which families are looked up."""
    from engine.exporting import families

    return families


def test_adapters_leave_as_they_are_and_bases_do_not_leave_as_adapters(
    ready: Workspace, tmp_path: Path
) -> None:
    out = tmp_path / "adapter"
    do(ready, "export", ExportSpec(model="tuned", form="adapter", out=str(out)))
    own = find_model(ready, "tuned").folder
    assert (out / "adapter_model.safetensors").read_bytes() == (
        own / "adapter_model.safetensors"
    ).read_bytes()
    with pytest.raises(JobFailedError, match="no adapter"):
        do(ready, "export", ExportSpec(model="base", form="adapter", out=str(tmp_path / "other")))
    assert not (tmp_path / "other").exists()


def test_which_weights_matter_is_measured_where_it_is_needed(workspace: Workspace, tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "base", hidden=256, layers=2)
    merge_bytes(folder)
    add_model(workspace, folder, "base")
    import_rows(workspace, [{"input": f"say {n}", "output": f"{n}"} for n in range(20)], "numbers")
    with pytest.raises(JobFailedError, match="not known on which text"):
        do(workspace, "export", ExportSpec(model="base", quantisation="iq2_xs"))
    summary = do(workspace, "export", ExportSpec(model="base", quantisation="iq2_xs", dataset="numbers"))[1]
    assert "IQ2_XS" in summary["types"]
    plain, weighed = (
        do(
            workspace,
            "export",
            ExportSpec(model="base", quantisation="q4_k_m", dataset="numbers", importance=wish),
        )[1]
        for wish in (None, True)
    )
    assert plain["types"] == weighed["types"]
    assert plain["sha256"] != weighed["sha256"]


def test_drift_compares_with_the_sixteen_bit_file(ready: Workspace) -> None:
    for kind in ("bf16", "q8_0", "q4_0"):
        do(ready, "export", ExportSpec(model="tuned", quantisation=kind))
    spec = DriftSpec(model="tuned", dataset="colours", reference="bf16", quantisations=["q8_0", "q4_0"])
    report = do(ready, "drift", spec)[1]
    assert (report["metric"], report["prompts"]) == ("label", 9)
    rows = {row["quantisation"]: row for row in report["files"]}
    assert list(rows) == ["bf16", "q8_0", "q4_0"]
    assert rows["bf16"]["agreement"] == 1.0
    assert rows["bf16"]["likelihood_lost"] == 0.0
    assert abs(rows["q8_0"]["likelihood_lost"]) < abs(rows["q4_0"]["likelihood_lost"]) + 0.01
    assert rows["bf16"]["bytes"] > rows["q8_0"]["bytes"] > rows["q4_0"]["bytes"]
    assert all(row["log_likelihood"] < 0 and row["answers_per_second"] > 0 for row in rows.values())


def test_an_export_ends_with_its_drift_report(ready: Workspace, tmp_path: Path) -> None:
    """The 16-bit file is made once, and kept; whoever waits for the job or not."""
    spec = ExportSpec(model="tuned", quantisation="q4_0", out=str(tmp_path / "a.gguf"), drift=True)
    report = do(ready, "export", spec)[1]["drift"]
    assert (report["dataset"], report["reference"], report["prompts"]) == ("colours", "bf16", 9)
    assert [row["quantisation"] for row in report["files"]] == ["bf16", "q4_0"]
    whole = find_export(ready, find_model(ready, "tuned"), "bf16")
    assert whole is not None
    written = whole.file.stat().st_mtime_ns
    spec = ExportSpec(model="tuned", form="ollama", quantisation="q8_0", out=str(tmp_path / "o"), drift=True)
    again = do(ready, "export", spec)[1]["drift"]
    assert again["files"][0]["log_likelihood"] == report["files"][0]["log_likelihood"]
    assert whole.file.stat().st_mtime_ns == written
    # Where it is not known on which task, or there is none to compare on: no report, and that is told.
    for model, dataset, told in (
        ("base", None, "Name its dataset"),
        ("base", "train-only", "no test prompts"),
    ):
        if dataset is not None:
            import_rows(ready, [{"input": "a", "output": "b", "split": "train"}] * 2, dataset)
        out = tmp_path / f"{model}-{dataset}.gguf"
        spec = ExportSpec(model=model, quantisation="q4_0", out=str(out), dataset=dataset, drift=True)
        job, summary = do(ready, "export", spec)
        assert "drift" not in summary
        assert out.is_file()
        warned = [event.data["message"] for event in job.reader().new() if event.type == "warning"]
        assert any(told in message for message in warned)


def test_an_export_that_fails_or_is_stopped_leaves_no_file(
    ready: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it is found out last that llama.cpp reads it not, or the template fails on a prompt of the task."""
    out = tmp_path / "out.gguf"
    spec = ExportSpec(model="tuned", quantisation="q8_0", out=str(out))

    def unreadable(*_: object) -> None:
        raise ExportError("export.not_loadable", "llama.cpp cannot load it.")

    with monkeypatch.context() as patched:
        patched.setattr(making, "compare_tokens", unreadable)
        with pytest.raises(JobFailedError, match="cannot load it"):
            do(ready, "export", spec)
    with monkeypatch.context() as patched:

        def fails(*_: object) -> str:
            raise TemplateError("template.fails", "It fails on this prompt.")

        patched.setattr(making, "parity_texts", lambda *_: map(fails, "x"))
        with pytest.raises(JobFailedError, match="fails on this prompt"):
            do(ready, "export", spec)
    with monkeypatch.context() as patched:
        rows = writing.quantise_rows
        job: list[JobDirectory] = []

        def stop_in_the_middle(*arguments: object, **more: object) -> object:
            (working,) = [one for one in all_jobs(ready.jobs) if one.status().state == "running"]
            if not job:
                working.ask("stop")
                job.append(working)
                time.sleep(0.3)  # a wish is looked for now and then
            return rows(*arguments, **more)  # type: ignore[arg-type]

        patched.setattr(writing, "quantise_rows", stop_in_the_middle)
        client = JobClient(ready)
        stopped = client.submit("export", spec, "export")
        with threads_for_processes(ready):
            client.ensure_runner()
            deadline = time.monotonic() + 60
            while stopped.status().state not in ("stopped", "failed", "done"):
                assert time.monotonic() < deadline
                time.sleep(0.05)
        assert stopped.status().state == "stopped"
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []
    assert do(ready, "export", spec)[1]["bytes"] == out.stat().st_size


def test_a_file_that_is_gone_or_was_changed_is_made_again(ready: Workspace) -> None:
    do(ready, "export", ExportSpec(model="base", quantisation="q8_0"))
    files = find_model(ready, "base")
    export = find_export(ready, files, "q8_0")
    assert export is not None
    export.file.write_bytes(b"cut")
    assert find_export(ready, files, "q8_0") is None
    with pytest.raises(JobFailedError, match="no GGUF file q8_0"):
        do(ready, "generate", GenerateSpec(models=["untuned:base@q8_0"], dataset="colours"))


def test_a_removed_model_takes_its_files_along(ready: Workspace, cli_here: Cli, tmp_path: Path) -> None:
    outside = tmp_path / "mine.gguf"
    do(ready, "export", ExportSpec(model="tuned", quantisation="q8_0", out=str(outside)))
    inside = Path(do(ready, "export", ExportSpec(model="tuned", quantisation="q4_0"))[1]["file"])
    removed = cli_here("model", "remove", "tuned", "--json")
    assert removed.status == 0, removed.stderr
    assert removed.json["freed_bytes"] > 0
    assert not inside.parent.exists()
    assert outside.exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("nobody", "x.gguf", "--as", "gguf"), "model.unknown"),
        (("base", "x.gguf", "--as", "gguf", "--quant", "q9"), "export.quantisation_unknown"),
        (("base", "nowhere/x.gguf", "--as", "gguf"), "export.no_folder"),
        (("base", "there.gguf", "--as", "gguf"), "export.exists"),
        (("base", "x", "--as", "merged", "--quant", "q8_0"), "export.quantisation_unused"),
        (("base@q8_0", "x", "--as", "gguf"), "export.contestant"),
        (("strange", "x.gguf", "--as", "gguf"), "export.architecture_unknown"),
    ],
)
def test_what_cannot_be_exported_is_told_in_a_sentence(
    cli_here: Cli, workspace: Workspace, tmp_path: Path, words: tuple[str, ...], code: str
) -> None:
    add_model(workspace, tiny_model(tmp_path / "base"), "base")
    strange = tmp_path / "strange"
    shutil.copytree(tmp_path / "base", strange)
    config = json.loads((strange / "config.json").read_text(encoding="utf-8"))
    (strange / "config.json").write_text(
        json.dumps({**config, "architectures": ["StableLmForCausalLM"]}), encoding="utf-8"
    )
    if words[0] == "strange":
        add_model(workspace, strange, "strange")
    (tmp_path / "there.gguf").write_bytes(b"mine")
    before = sorted(path.name for path in workspace.jobs.iterdir())
    result = cli_here("export", *words, "--json")
    assert result.status == 1
    assert result.json["error"]["code"] == code
    assert result.json["error"]["fix"]
    assert (tmp_path / "there.gguf").read_bytes() == b"mine"
    assert not (tmp_path / "x.gguf").exists()
    assert sorted(path.name for path in workspace.jobs.iterdir()) == before


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE is a POSIX limit")
def test_a_full_disk_leaves_no_file(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "base", hidden=64)
    merge_bytes(folder)
    program = f"""
import resource, signal
from pathlib import Path
from engine.errors import BakeoffError
from engine.exporting import making, vocabulary, writing
from engine.exporting.plan import plan_gguf
from engine.exporting.quantisations import quantisation
from engine.exporting.writing import write_gguf
vocabulary.pre_tokenizer = lambda tokenizer, folder: "gpt-2"
plan = plan_gguf(Path({str(folder)!r}), quantisation("f32"))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    write_gguf(plan, Path({str(tmp_path / "full.gguf")!r}), name="x")
except BakeoffError as error:
    print(error.code)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "export.disk_full", done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base"]
