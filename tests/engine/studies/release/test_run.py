"""Releases for real: what is in a bundle, that it is whole, and that it claims nothing that is not known."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from gguf import GGUFReader

from engine.inference.spec import GenerateSpec
from engine.jobs.client import JobFailedError
from engine.jobs.context import JobInterruptedError
from engine.jobs.directory import JobDirectory, all_jobs
from engine.models.library import find_export, find_model
from engine.ranking import Verdict, VerdictTable, rank
from engine.studies.release import bundle as bundles
from engine.studies.release.earlier import earlier_release
from engine.studies.release.hub_licences import fault_of_card
from engine.studies.release.spec import ReleaseSpec
from engine.studies.result import AnswerFigures, EntrantResult, StudyResult, TaskResult, Validation
from engine.weights.folding import FoldedReader
from engine.weights.reader import WeightsReader
from engine.workspace import Workspace
from engine.workspace.tables import Study
from tests.engine.studies.release.conftest import releasable
from tests.here import add_model, do

SECRET = "thing 21"


def release(workspace: Workspace, model: str, out: Path, **more: Any) -> dict[str, Any]:
    return do(workspace, "release", ReleaseSpec(model=model, out=str(out), **more))[1]


def facts_of(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "release.json").read_text(encoding="utf-8"))
    return found


def front_of(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((out / "README.md").read_text(encoding="utf-8").split("---")[1])
    return found


def require_sums(out: Path) -> None:
    """Every file has its hash in SHA256SUMS, and no file is missing there."""
    lines = (out / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    sums = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    present = {file.relative_to(out).as_posix() for file in out.rglob("*") if file.is_file()}
    assert present == {*sums, "SHA256SUMS"}
    for name, digest in sums.items():
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest


def test_a_tune_with_its_verdicts(judged: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "tuned-release"
    summary = release(judged, "tuned", out, quantisations=["q8_0", "q4_0"])
    require_sums(out)
    facts, card = facts_of(out), (out / "README.md").read_text(encoding="utf-8")
    # Forms: the whole, the adapter, GGUF files, Ollama.
    files = find_model(judged, "tuned")
    whole, folded = WeightsReader(out), FoldedReader(files.base_folder, files.folder)
    assert {name: whole.read(name).tolist() for name in whole.names()} == {
        name: folded.read(name).to(whole.read(name).dtype).tolist() for name in folded.names()
    }
    assert (out / "adapter" / "adapter_model.safetensors").read_bytes() == (
        files.folder / "adapter_model.safetensors"
    ).read_bytes()
    for name in ("q8_0", "q4_0"):
        assert GGUFReader(out / f"tuned-{name}.gguf").fields
        export = find_export(judged, files, name)
        assert export is not None
        assert export.file == out / f"tuned-{name}.gguf"
    assert "FROM ./tuned-q8_0.gguf" in (out / "Modelfile").read_text(encoding="utf-8")
    assert "Apache License" in (out / "Modelfile").read_text(encoding="utf-8")
    # Evidence.
    ranking = facts["ranking"]
    assert (ranking["source"], ranking["judge"], ranking["cost_usd"]) == ("verdicts", "reference", 0.0)
    assert "tuned" in ranking["names"]
    assert {row["name"] for row in ranking["ranking"]["contestants"]} == {"tuned", "untuned:base"}
    assert "**tuned**" in card
    assert "![The ranking with intervals](ranking.svg)" in card
    assert (out / "ranking.svg").read_text(encoding="utf-8").lstrip().startswith("<?xml")
    assert (out / "ranking.png").read_bytes().startswith(b"\x89PNG")
    assert [row["quantisation"] for row in facts["drift"]["files"]] == [
        "bf16",
        "q8_0",
        "q4_0",
    ]
    assert facts["drift"]["files"][1]["quantisation"] in card
    assert all(one["parity"]["different"] == 0 for one in facts["gguf"])
    # Making: names and hashes, never data or places.
    (training,) = facts["training"]
    assert training["dataset"]["name"] == "colours"
    assert training["dataset"]["sha256"] in card
    assert fault_of_card(card) == ""
    assert facts["lineage"][0] | {"name": "base", "depth": 1, "of": "tuned"} == facts["lineage"][0]
    assert files.base_sha256 in card
    for file in out.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert SECRET.encode() not in content, file
            for place in (tmp_path, judged.root, Path.home()):
                assert f"{place}/".encode() not in content, file
    config = (out / "adapter" / "adapter_config.json").read_text(encoding="utf-8")
    assert json.loads(config)["base_model_name_or_path"] == "base"
    trained = (files.folder / "adapter_config.json").read_text(encoding="utf-8")
    assert [line for line in config.splitlines() if line not in trained.splitlines()] == [
        '  "base_model_name_or_path": "base",'
    ]
    # Front matter.
    front = front_of(out)
    assert front["license"] == "apache-2.0"
    assert front["library_name"] == "transformers"
    assert front["language"] == ["en"]
    assert set(front["tags"]) == {"bakeoff", "gguf", "lora"}
    assert front["bakeoff_datasets"] == facts["datasets"]
    assert "base_model" not in front  # a local folder is on no hub
    assert (out / "licences" / "base" / "LICENSE").is_file()
    assert (out / "licences" / "base" / "notice.txt").is_file()
    for program in ("llama.cpp", "Ollama", "LM Studio", "transformers", "vLLM", "PEFT"):
        assert f"### {program}" in card
    assert 'folder = "..."  # your copy of base: it has no name on the Hub' in card
    assert summary["ranked"] is True


def test_a_merge_that_nobody_ranked_says_so(models: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "blend"
    release(models, "blend", out, quantisations=["q8_0"])
    require_sums(out)
    facts, card = facts_of(out), (out / "README.md").read_text(encoding="utf-8")
    assert facts["ranking"] is None
    assert "was not ranked" in card
    assert not (out / "ranking.svg").exists()
    assert "it is not known on which task" in facts["drift"]["left_out"]
    (merge,) = facts["merges"]
    assert merge["recipe"]["merge_method"] == "linear"
    assert "merge_method: linear" in card
    assert [one["name"] for one in facts["lineage"]] == ["base", "other"]
    assert facts["licence"]["id"] == "other"
    assert front_of(out)["license_name"] == "apache-2.0-and-mit"
    assert front_of(out)["license_link"] == "LICENSE.md"
    assert fault_of_card(card) == ""
    told = (out / "LICENSE.md").read_text(encoding="utf-8")
    assert "| other | MIT License |" in told
    assert "licences/base/LICENSE" in told
    assert sorted(path.name for path in (out / "licences").iterdir()) == ["base", "other"]
    assert not (out / "LICENSE").exists()
    assert (out / "model.safetensors").read_bytes() == (
        find_model(models, "blend").folder / "model.safetensors"
    ).read_bytes()


def test_a_base_and_parts_that_are_not_wanted(models: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "base"
    release(models, "base", out, quantisations=[], safetensors=True)
    facts, card = facts_of(out), (out / "README.md").read_text(encoding="utf-8")
    assert (facts["gguf"], facts["ollama"], facts["adapter"]) == ([], None, None)
    assert "### llama.cpp" not in card
    assert not list(out.glob("*.gguf"))
    bare = tmp_path / "bare"
    release(models, "base", bare, quantisations=["q8_0"], safetensors=False)
    assert sorted(path.name for path in bare.iterdir()) == [
        "LICENSE", "Modelfile", "README.md", "SHA256SUMS", "base-q8_0.gguf", "licences", "release.json",
    ]  # fmt: skip
    assert "### transformers" not in (bare / "README.md").read_text(encoding="utf-8")


def test_a_licence_that_the_hub_has_no_id_for_comes_with_its_text(
    workspace: Workspace, tmp_path: Path
) -> None:
    folder = releasable(tmp_path / "source", licence="other\nlicense_name: qwen-research")
    (folder / "LICENSE").write_text("Qwen RESEARCH LICENSE AGREEMENT\nWords.", encoding="utf-8")
    add_model(workspace, folder, "base")
    out = tmp_path / "out"
    release(workspace, "base", out, quantisations=[])
    front = front_of(out)
    assert [front[key] for key in ("license", "license_name", "license_link")] == [
        "other", "qwen-research", "LICENSE",
    ]  # fmt: skip
    assert fault_of_card((out / "README.md").read_text(encoding="utf-8")) == ""
    assert (out / "LICENSE").read_bytes() == (folder / "LICENSE").read_bytes()


def study_result(workspace: Workspace, *, sealed: bool = True) -> StudyResult:
    """A study in which ``tuned`` answered for ``base``; its ranking is computed from verdicts."""
    rows = [
        Verdict("tuned", "untuned:base", "a" if n % 4 else "b", f"p{n}", "colours", entrant_a="base")
        for n in range(40)
    ]
    ranking = rank(VerdictTable.from_rows(rows))
    task = TaskResult(
        dataset="colours", metric="label", metric_title="Exact label", prompts=9, train_examples=31,
        floor=0.33, untuned=0.0,
        figures=[AnswerFigures(contestant="tuned", entrant="base", weights=find_model(workspace, "tuned").identity,
                               prompts=9, metric=0.44, cut_off=0.0, seconds_per_1000=1.0, usd_per_1000=0.0)],
    )  # fmt: skip
    validation = Validation(
        dataset="secret-task", first="base", second="other", difference=0.4, lo=0.1, hi=0.7, verdict="holds",
        sentence="On the sealed task secret-task the order holds.", ranking={}, task=task,
    )  # fmt: skip
    return StudyResult(
        study="trial", judge="openai:gpt-4", plain="base", winner="base", cost_usd=1.25,
        entrants=[EntrantResult(name="base", kind="base"), EntrantResult(name="untuned:base", kind="reference")],
        tasks=[task], ranking=ranking.as_dict(), groups=[list(group) for group in ranking.groups],
        validation=validation if sealed else None, conclusions=["base wins."],
    )  # fmt: skip


def test_the_study_that_ranked_it_is_found_and_shown(judged: Workspace, tmp_path: Path) -> None:
    result = study_result(judged)
    with judged.catalogue.writing() as session:
        session.add(Study(name="trial", definition={}, job_id="x", result=result.model_dump()))
        session.add(Study(name="running", definition={}, job_id="y", result={}))
    out = tmp_path / "tuned"
    release(judged, "tuned", out, quantisations=[])
    ranking = facts_of(out)["ranking"]
    card = (out / "README.md").read_text(encoding="utf-8")
    assert (ranking["source"], ranking["study"], ranking["cost_usd"]) == ("study", "trial", 1.25)
    assert ranking["names"] == ["base", "tuned"]
    assert ranking["sealed_task"]["verdict"] == "holds"
    assert "On the sealed task secret-task the order holds." in card
    assert "| colours | tuned | Exact label | 0.440 | 0.000 |" in card
    assert "1.25" in card
    assert "base wins." in card
    # Its base stands in the same study by that tune; another base does not.
    release(judged, "base", tmp_path / "base", quantisations=[], study="trial")
    with pytest.raises(JobFailedError, match="no ranking in which these weights of 'other' took part"):
        release(judged, "other", tmp_path / "other", study="trial")
    with pytest.raises(JobFailedError, match="no ranking in which"):
        release(judged, "tuned", tmp_path / "other", study="running")
    with pytest.raises(JobFailedError, match="no study named 'trail'"):
        release(judged, "tuned", tmp_path / "other", study="trail")
    assert not (tmp_path / "other").exists()


def test_a_model_made_anew_under_its_name_does_not_inherit_the_ranking(
    judged: Workspace, tmp_path: Path
) -> None:
    from sqlalchemy import select

    from engine.training.spec import TrainRecipe, TrainSpec
    from engine.workspace.tables import Model

    result = study_result(judged)
    with judged.catalogue.writing() as session:
        session.add(Study(name="trial", definition={}, job_id="x", result=result.model_dump()))
        row = session.scalars(select(Model).where(Model.name == "tuned")).one()
        row.name = "old"
    recipe = TrainRecipe(epochs=1, lora_rank=4, method="lora", seed=5)
    do(judged, "train", TrainSpec(base="base", dataset="colours", name="tuned", recipe=recipe))
    release(judged, "tuned", tmp_path / "new", quantisations=[])
    assert facts_of(tmp_path / "new")["ranking"] is None
    # Not even once it has answered the same prompts itself.
    do(judged, "generate", GenerateSpec(models=["tuned"], dataset="colours"))
    release(judged, "tuned", tmp_path / "answered", quantisations=[])
    assert facts_of(tmp_path / "answered")["ranking"] is None


def test_a_pause_keeps_what_is_done_and_a_stop_keeps_nothing(
    models: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    spec = ReleaseSpec(model="tuned", out=str(out), quantisations=["q8_0"], drift=False)
    made: list[str] = []
    wish: list[str] = ["pause"]
    plain = bundles.Bundle.part

    def watched(self: Any, name: str, make: Any) -> dict[str, Any]:
        def counted() -> dict[str, Any]:
            made.append(name)
            found: dict[str, Any] = make()
            if name == "adapter" and wish:
                self._context.interrupt(wish[0])
            return found

        return plain(self, name, counted)

    monkeypatch.setattr(bundles.Bundle, "part", watched)
    with pytest.raises(Exception, match="paused"):
        do(models, "release", spec)
    job = next(job for job in all_jobs(models.jobs) if job.request().kind == "release")
    assert job.status().state == "paused"
    assert not out.exists()
    (partial,) = tmp_path.glob(".out.*.partial")
    wish.clear()
    _again(models, job)
    assert out.is_dir()
    assert not partial.exists()
    require_sums(out)
    assert made == ["safetensors", "adapter", "gguf q8_0", "ollama", "drift"]
    wish.append("stop")
    with pytest.raises(Exception, match="stopped"):
        do(models, "release", spec.model_copy(update={"out": str(tmp_path / "second")}))
    assert not [path.name for path in tmp_path.iterdir() if "second" in path.name]


def paused_at(
    workspace: Workspace, spec: ReleaseSpec, part: str, monkeypatch: pytest.MonkeyPatch
) -> JobDirectory:
    """A release that was paused after it had made a part."""
    plain = bundles.Bundle.part

    def watched(self: Any, name: str, make: Any) -> dict[str, Any]:
        found: dict[str, Any] = plain(self, name, make)
        if name == part:
            self._context.interrupt("pause")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(bundles.Bundle, "part", watched)
        with pytest.raises(Exception, match="paused"):
            do(workspace, "release", spec)
    return next(job for job in all_jobs(workspace.jobs) if job.request().kind == "release")


def test_a_paused_release_that_is_stopped_leaves_nothing(
    models: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = ReleaseSpec(model="tuned", out=str(tmp_path / "out"), quantisations=["q8_0"], safetensors=False)
    job = paused_at(models, spec, "drift", monkeypatch)
    assert list(tmp_path.glob(".out.*.partial"))
    assert (models.exports / job.id).is_dir()  # the 16-bit file that was made to compare
    _again(models, job, "stop")
    assert job.status().state == "stopped"
    assert not list(tmp_path.glob(".out.*"))
    assert not (models.exports / job.id).exists()


def test_a_release_goes_on_with_the_weights_it_began_with_or_begins_anew(
    models: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy import select

    from engine.workspace.tables import Model

    out = tmp_path / "out"
    job = paused_at(
        models, ReleaseSpec(model="base", out=str(out), quantisations=[]), "safetensors", monkeypatch
    )
    with models.catalogue.writing() as session:
        rows = {row.name: row for row in session.scalars(select(Model))}
        rows["base"].name = "first"
        session.flush()
        rows["other"].name = "base"
    _again(models, job)
    weights = find_model(models, "base")
    assert facts_of(out)["model"]["identity"] == weights.identity
    assert (out / "model.safetensors").read_bytes() == (weights.folder / "model.safetensors").read_bytes()
    require_sums(out)


def test_a_release_that_was_killed_after_it_had_its_name_is_done(
    models: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"

    def killed(folder: Path) -> None:
        raise JobInterruptedError("pause")  # nothing is cleared away, as after a kill

    with monkeypatch.context() as patch:
        patch.setattr(bundles, "sync_folder", killed)
        with pytest.raises(Exception, match="paused"):
            do(
                models,
                "release",
                ReleaseSpec(model="tuned", out=str(out), quantisations=["q8_0"], drift=False),
            )
    before = (out / "SHA256SUMS").read_bytes()
    job = next(job for job in all_jobs(models.jobs) if job.request().kind == "release")
    _again(models, job)
    assert job.status().state == "done"
    assert (out / "SHA256SUMS").read_bytes() == before
    export = find_export(models, find_model(models, "tuned"), "q8_0")
    assert export is not None
    assert export.file == out / "tuned-q8_0.gguf"


@pytest.mark.parametrize(
    "more", [{"drift": False}, {"dataset": "colours"}, {"judge": "reference"}, {"safetensors": False}]
)
def test_a_release_as_it_was_asked_for_is_known_again_and_no_other(
    judged: Workspace, tmp_path: Path, more: dict[str, Any]
) -> None:
    spec = ReleaseSpec(model="other", out=str(tmp_path / "out"), quantisations=[])
    made = do(judged, "release", spec)[1]
    files = find_model(judged, "other")
    assert earlier_release(spec, files) == made | {"seconds": 0.0}
    assert earlier_release(spec.model_copy(update=more), files) is None


def _again(workspace: Workspace, job: JobDirectory, wish: Literal["resume", "stop"] = "resume") -> None:
    from engine.jobs.runner import Runner
    from tests.here import _Here

    job.ask(wish)
    runner = Runner(workspace, _Here(workspace))
    while runner.step():
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE is a POSIX limit")
def test_a_full_disk_leaves_nothing(models: Workspace, tmp_path: Path) -> None:
    import resource
    import signal

    out = tmp_path / "out"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, before[1]))
    try:
        with pytest.raises(JobFailedError) as failed:
            release(models, "blend", out, quantisations=[])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert failed.value.code == "release.disk_full"
    assert not [path.name for path in tmp_path.iterdir() if "out" in path.name]
    release(models, "blend", out, quantisations=[])
    require_sums(out)


def test_a_template_that_ollama_cannot_have_is_told_on_the_card(models: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "sources" / "odd"
    shutil.copytree(tmp_path / "sources" / "base", folder)
    (folder / "chat_template.jinja").write_text(
        "{% for m in messages %}{{ loop.index ~ ':' ~ m['content'] ~ '<|im_end|>' }}{% endfor %}",
        encoding="utf-8",
    )
    add_model(models, folder, "odd")
    out = tmp_path / "odd"
    release(models, "odd", out, quantisations=["q8_0"], safetensors=False)
    assert not (out / "Modelfile").exists()
    assert "cannot be written exactly in Ollama's language" in (out / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"quantisations": ["q9"]}, "export.quantisation_unknown"),
        ({"study": "nothing"}, "study.unknown"),
        ({"model": "nobody"}, "model.unknown"),
    ],
)
def test_what_cannot_be_released(models: Workspace, tmp_path: Path, more: dict[str, Any], code: str) -> None:
    with pytest.raises(JobFailedError) as failed:
        release(models, **{"model": "base", "out": tmp_path / "out", **more})
    assert failed.value.code == code
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine").write_text("mine", encoding="utf-8")
    with pytest.raises(JobFailedError, match="already exists"):
        release(models, "base", tmp_path / "taken", quantisations=[])
    assert (tmp_path / "taken" / "mine").read_text(encoding="utf-8") == "mine"


def test_ranked_as_a_file_is_ranked_too(models: Workspace, tmp_path: Path) -> None:
    """What answered was the model's GGUF file, and the ranking is found by that file's hash."""
    from engine.exporting.spec import ExportSpec
    from engine.judging.spec import JudgeSpec

    do(models, "export", ExportSpec(model="tuned", quantisation="q8_0"))
    names = ["tuned@q8_0", "untuned:base"]
    do(models, "generate", GenerateSpec(models=names, dataset="colours"))
    do(models, "judge", JudgeSpec(dataset="colours", contestants=names))
    out = tmp_path / "out"
    summary = release(models, "tuned", out, quantisations=["q8_0"], drift=False)
    assert "tuned@q8_0" in facts_of(out)["ranking"]["names"]
    assert "| **tuned@q8\\_0** |" in (out / "README.md").read_text(encoding="utf-8")
    assert facts_of(out)["drift"] == {"left_out": "it was not asked for"}
    known = find_export(models, find_model(models, "tuned"), "q8_0")
    assert known is not None
    assert summary["gguf"][0]["sha256"] == known.sha256
