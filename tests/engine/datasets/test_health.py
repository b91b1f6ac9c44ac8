"""The check-up of a dataset, and leakage across the tasks of a study."""

from __future__ import annotations

import json

from engine.datasets.health import check_dataset
from engine.datasets.leakage import find_leakage
from tests.engine.datasets.conftest import Importer, chat, plain


def labelled(count: int) -> list[dict[str, str]]:
    return [
        {"prompt": f"alpha{n} beta{n} gamma{n}", "completion": "common" if n % 4 else "rare"}
        for n in range(count)
    ]


def test_labels_have_a_floor(importer: Importer) -> None:
    store = importer(labelled(200), system="Say which.").store
    report = json.loads(json.dumps(check_dataset(store)))
    assert report["labels"] == {"common": 150, "rare": 50}
    test = [example.answer.content for example in store.examples("test")]
    assert report["majority_label_floor"] == round(test.count("common") / len(test), 4)
    assert report["lengths"]["answer"] == {"min": 4, "median": 6, "p95": 6, "max": 6, "mean": 5.5}
    assert report["system"] == 200
    assert report["suggestions"] == []


def test_free_answers_are_no_labels(importer: Importer) -> None:
    report = check_dataset(importer(plain(300)).store)
    assert report["labels"] is None
    assert report["majority_label_floor"] is None


def test_what_is_odd_is_said(importer: Importer) -> None:
    broken = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"function": {"name": "f", "arguments": "{"}}],
    }
    rows = [
        *[chat(("user", f"alpha{n} beta{n}"), ("assistant", f"answer{n} ")) for n in range(10)],
        chat(("user", "alpha1 beta1"), ("assistant", "answer1 ")),
        chat(("user", "call"), broken),
        chat(("user", "long " + "word " * 9000), ("assistant", "x")),
    ]
    report = check_dataset(importer(rows).store)
    said = " ".join(report["suggestions"])
    assert report["broken_arguments"] == 1
    for part in ("test prompts", "instruction", "white space", "repeat", "not JSON", "longest prompt"):
        assert part in said


def test_leakage_within_a_dataset(importer: Importer) -> None:
    rows = [{**row, "split": "train"} for row in plain(20)]
    rows += [
        {**rows[3], "split": "test"},
        {"prompt": rows[4]["prompt"].upper(), "completion": "x", "split": "dev"},
    ]
    report = check_dataset(importer(rows).store)
    found = {finding["split"]: finding for finding in report["leakage"]}
    assert (found["test"]["exact"], found["test"]["examples"]) == (1, [[4, 21]])
    assert (found["dev"]["rows"], found["dev"]["exact"]) == (1, 0)
    assert sum("Leakage" in warning for warning in report["warnings"]) == 2


def test_leakage_across_tasks_minds_the_question_not_the_instruction(importer: Importer) -> None:
    train = [{**row, "split": "train"} for row in plain(30)]
    test = [{**row, "split": "test"} for row in [*plain(3, 10), *plain(5, 500)]]
    one = importer(train, system="Classify.").store
    two = importer(test, system="Summarise.").store
    findings = find_leakage({"one": one, "two": two})
    assert [(f.task, f.split, f.other, f.other_split, f.rows, f.exact) for f in findings] == [
        ("two", "test", "one", "train", 3, 3)
    ]
    assert findings[0].examples == ((11, 1), (12, 2), (13, 3))
    assert find_leakage({"one": one, "fresh": importer(plain(9, 900)).store}) == []
