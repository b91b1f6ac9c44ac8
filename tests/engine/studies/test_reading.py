"""Every mistake in a study's file is named before anything starts; the shipped studies are right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.errors import BakeoffError
from engine.resources import resource
from engine.studies.demo import DemoWish, demo_study
from engine.studies.errors import StudyError
from engine.studies.plan import plan_study
from engine.studies.reading import check_study, load_study
from engine.workspace import open_workspace

GOOD: dict[str, Any] = {
    "name": "s",
    "bases": [{"name": "a"}, {"name": "b"}],
    "tasks": [{"dataset": "t"}],
}


def test_the_smallest_study_is_accepted() -> None:
    assert check_study(GOOD).repeats == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"taks": []}, "Did you mean 'tasks'"),
        ({"bases": []}, "bases"),
        ({"bases": [{"name": "a"}, {"name": "a"}]}, "named twice"),
        ({"tasks": [{"dataset": "t", "sealed": True}]}, "not sealed"),
        (
            {"tasks": [{"dataset": "t"}, *({"dataset": d, "sealed": True} for d in "uv")]},
            "more than one sealed",
        ),
        ({"bases": [{"name": "a"}]}, "Merging 2 parents"),
        ({"merging": {"recipes": ["slurp"]}}, "no merge preset 'slurp'"),
        ({"training": {"learnin_rate": 1}}, "learnin_rate"),
        ({"training": {"learning_rate": "fast"}}, "learning_rate"),
        (
            {"bases": [{"name": "a", "sibling": {"base": "b", "dataset": "d"}}, {"name": "b"}]},
            "does not come before",
        ),
        ({"repeats": 0}, "repeats"),
        ({"references": ["nosuch"]}, "'nosuch' is no reference"),
        ({"references": ["openai:"]}, "is no reference"),
        ({"references": ["dataset"]}, "yardstick"),
        ({"judging": {"judge": "foo"}}, "'foo' is no judge"),
        ({"judging": {"judge": "openai:"}}, "is no judge"),
        ({"judging": {"goal": "bestest"}}, "no goal"),
        ({"judging": {"goal": "beat:nobody"}}, "names nobody of the study"),
        (
            {"merging": {"recipes": [{"merge_method": "slurp", "models": [{"model": "$parent1"}]}]}},
            "merge recipe is wrong",
        ),
        (
            {"merging": {"recipes": ["model_stock"]}},
            "here are 2 parents, and the plain base may be one of them",
        ),
        (
            {"bases": [{"name": n} for n in "abc"], "merging": {"recipes": ["slerp"], "parents": 3}},
            "slerp takes exactly 2 model",
        ),
        (
            {"merging": {"recipes": [{"merge_method": "linear", "models": [{"model": "$parent3"}]}]}},
            "$parent3",
        ),
        (
            {
                "bases": [
                    {"name": "a"},
                    {"name": "b", "sibling": {"base": "a", "dataset": "d", "training": {"x": 1}}},
                ]
            },
            "training setting 'x'",
        ),
    ],
)
def test_mistakes_are_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(StudyError) as caught:
        check_study({**GOOD, **changes})
    assert words in caught.value.sentence()


@pytest.mark.parametrize("content", [b"", b"- 1\n- 2", b"a: [1,", b"\xff\xfe\x00"])
def test_files_that_are_no_study(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "study.yml"
    file.write_bytes(content)
    with pytest.raises(StudyError) as caught:
        load_study(file)
    assert caught.value.code == "study.unreadable"


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(StudyError) as caught:
        load_study(tmp_path / "nowhere.yml")
    assert caught.value.code == "study.missing"
    with pytest.raises(StudyError, match="is a folder") as caught:
        load_study(tmp_path)
    assert caught.value.code == "study.no_file"


def test_the_seed_story_can_be_planned_and_costed_anywhere(tmp_path: Path) -> None:
    spec = load_study(resource("studies", "seed-story.yml"))
    document = plan_study(spec.study, open_workspace(tmp_path / "ws")).as_dict()
    assert len(spec.study.bases) == 7
    assert document["runs"] == 7 * 3 + 4 * 3 + 2
    judged = [job for job in document["jobs"] if job["title"].startswith("Judge ")]
    assert sum(job["comparisons"] for job in judged) == document["comparisons"] == 9000
    assert all(job["comparisons"] > 0 for job in judged)
    assert document["usd"] > 0
    assert document["gpu_seconds"] > 3600
    # A second for each comparison in both orders, as many as the ceiling leaves.
    assert sum(job["seconds"] for job in judged) == pytest.approx(9000, rel=0.01)
    fewer = spec.study.model_copy(
        update={"judging": spec.study.judging.model_copy(update={"max_comparisons": 900})}
    )
    limited = plan_study(fewer, open_workspace(tmp_path / "ws")).as_dict()
    assert limited["comparisons"] == 900
    of_limited = [job for job in limited["jobs"] if job["title"].startswith("Judge ")]
    assert sum(job["seconds"] for job in of_limited) == pytest.approx(900, rel=0.05)


@pytest.mark.parametrize("wish", [DemoWish(), DemoWish(full=True), DemoWish(qlora=True), DemoWish(round=3)])
def test_the_demos_are_studies(wish: DemoWish) -> None:
    spec = demo_study(wish)
    assert spec.study.sealed_task() is not None
    assert len(spec.study.bases) == 3
    for task in spec.study.tasks:
        assert task.source is not None
        for file in task.source.files:
            assert (Path(spec.folder) / file.path).exists()


def test_a_judge_brings_its_references_along() -> None:
    study = demo_study(DemoWish(judge="openai:gpt-4-turbo", budget_usd=2.0)).study
    assert study.judging.judge == "openai:gpt-4-turbo"
    assert "openai:gpt-4" in study.references
    assert study.budget_usd == 2.0


def test_the_public_demo_needs_the_public_files(tmp_path: Path) -> None:
    with pytest.raises(StudyError) as caught:
        demo_study(DemoWish(data=tmp_path))
    assert caught.value.code == "demo.no_data"


def test_the_public_demo_is_a_study(shared: Path) -> None:
    study = demo_study(DemoWish(data=shared / "data")).study
    assert [task.dataset for task in study.tasks] == ["banking77", "snips", "scitldr", "nlupp-hotels"]
    assert len(study.tasks[0].answers) == 8


def test_what_answers_are_held_to_is_read_before_anything_is_trained(tmp_path: Path) -> None:
    study = {
        "name": "held",
        "bases": [{"name": "one"}, {"name": "two"}],
        "tasks": [{"dataset": "words", "constrain": "form.gbnf"}],
    }
    file = tmp_path / "study.yml"
    file.write_text(yaml.safe_dump(study), encoding="utf-8")
    with pytest.raises(BakeoffError, match=r"There is no file .*form\.gbnf"):
        load_study(file)
    (tmp_path / "form.gbnf").write_text("root ::= word", encoding="utf-8")
    with pytest.raises(BakeoffError, match="line 1: there is no rule called 'word'"):
        load_study(file)
    (tmp_path / "form.gbnf").write_text('root ::= "yes" | "no"', encoding="utf-8")
    assert load_study(file).study.tasks[0].constrain == "form.gbnf"
