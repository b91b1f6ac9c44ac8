"""Splits: what a row says wins, the rest is drawn by seed, and what is alike stays on one side."""

from __future__ import annotations

import random
from collections import Counter, defaultdict

import pytest

from engine.datasets import Source
from tests.engine.datasets.conftest import Imported, Importer, chat, plain

WORDS = [first + middle + last for first in "bdfglmnprst" for middle in "aeiou" for last in ("l", "rn", "nd")]


def sides(imported: Imported) -> dict[str, str]:
    return {example.prompt[-1].content or "": example.split for example in imported.store.examples()}


def sentence(draw: random.Random, length: int = 14) -> list[str]:
    return draw.choices(WORDS, k=length)


def test_shares_are_exact(importer: Importer) -> None:
    assert importer(plain(200)).report.counts == {"train": 140, "dev": 20, "test": 40}
    assert importer(plain(50), test_share=0.5, dev_share=0.0).report.counts == {
        "train": 25,
        "dev": 0,
        "test": 25,
    }
    assert importer(plain(10), test_share=0, dev_share=0).report.counts == {"train": 10, "dev": 0, "test": 0}


def test_few_rows_go_to_train_first_and_gaps_are_told(importer: Importer) -> None:
    counts = {n: importer(plain(n)).report for n in range(1, 6)}
    assert {n: tuple(report.counts.values()) for n, report in counts.items()} == {
        1: (1, 0, 0),
        2: (1, 0, 1),
        3: (2, 0, 1),
        4: (2, 1, 1),
        5: (3, 1, 1),
    }
    assert len(counts[1].warnings) == 2
    assert "dev" in counts[3].warnings[0]
    assert not counts[5].warnings


def test_the_seed_decides_and_the_order_of_the_file_does_not(importer: Importer) -> None:
    rows = plain(100)
    shuffled = random.Random(1).sample(rows, len(rows))
    first = sides(importer(rows))
    assert first == sides(importer(shuffled))
    assert first != sides(importer(rows, seed=1))


def test_content_identity_follows_content_and_split(importer: Importer) -> None:
    rows = plain(30)
    first = importer(rows).report.content_sha256
    assert first == importer(rows).report.content_sha256
    assert first != importer(rows, seed=5).report.content_sha256
    assert first != importer([*rows[:-1], {**rows[-1], "completion": "other"}]).report.content_sha256


def test_a_rows_own_split_wins(importer: Importer) -> None:
    words = ["train", "TRAIN", "Test", "dev", "valid", " Validation ", "", None]
    rows = [{**row, "split": word} for row, word in zip(plain(8), words, strict=True)]
    imported = importer(rows)
    assert [example.split for example in imported.store.examples()][:6] == [
        "train",
        "train",
        "test",
        "dev",
        "dev",
        "dev",
    ]


def test_every_usual_word_for_a_split_is_known(importer: Importer) -> None:
    words = {"training": "train", "val": "dev", "eval": "dev", "testing": "test"}
    rows = [{**row, "split": word} for row, word in zip(plain(4), words, strict=True)]
    assert [example.split for example in importer(rows).store.examples()] == list(words.values())


@pytest.mark.parametrize("column", ["split", "Split"])
def test_a_files_own_split_counts_also_under_a_map(importer: Importer, column: str) -> None:
    """One word that is no split costs its row; that the rest is drawn anew would pass unseen."""
    words = ["train"] * 5 + ["val", "test", "holdout"]
    rows = [
        {"question": row["prompt"], "answer": row["completion"], column: word}
        for row, word in zip(plain(8), words, strict=True)
    ]
    imported = importer(rows, mapping={"prompt": "question", "completion": "answer"})
    assert imported.report.counts == {"train": 5, "dev": 1, "test": 1}
    assert imported.rejected == {8: "row.unknown_split"}


def test_a_column_of_splits_that_is_not_used_is_a_warning(importer: Importer) -> None:
    rows = [{"question": row["prompt"], "answer": row["completion"], "split": "fold 1"} for row in plain(10)]
    report = importer(rows, mapping={"prompt": "question", "completion": "answer"}).report
    assert any("'split' was not used" in warning and "fold 1" in warning for warning in report.warnings)
    assert not report.rejected


def test_a_file_may_have_a_split_of_its_own(importer: Importer) -> None:
    train, test = importer.write(plain(20), "train.jsonl"), importer.write(plain(5, 50), "test.jsonl")
    imported = importer.several([train, Source(test, "test")], test_share=0)
    assert imported.report.counts == {"train": 18, "dev": 2, "test": 5}
    assert [example.row for example in imported.store.examples("test")] == [21, 22, 23, 24, 25]


def test_rejected_rows_of_several_files_name_their_file(importer: Importer) -> None:
    one, two = importer.write(plain(3), "one.jsonl"), importer.write([*plain(3, 5), b"x"], "two.jsonl")
    rejected = importer.several([one, two]).report.rejected
    assert rejected[0].row == 7
    assert rejected[0].reason.startswith("two.jsonl, row 4: ")


def test_exact_duplicates_are_counted_and_stay_together(importer: Importer) -> None:
    rows = plain(40) + plain(20) + plain(20)
    imported = importer(random.Random(2).sample(rows, len(rows)))
    assert imported.report.duplicates == 40
    assert imported.report.examples == 80
    by_prompt = defaultdict(set)
    for example in imported.store.examples():
        by_prompt[example.prompt_id].add(example.split)
    assert all(len(splits) == 1 for splits in by_prompt.values())
    assert imported.report.counts["test"] > 0


def test_groups_larger_than_the_share_do_not_leave_test_empty(importer: Importer) -> None:
    file = importer.write(plain(2), "a.jsonl")
    assert importer.several([file, file]).report.counts == {"train": 2, "dev": 0, "test": 2}


def test_train_is_never_given_away_for_it(importer: Importer) -> None:
    rows = [{**plain(1)[0], "completion": str(n)} for n in range(5)]
    assert importer(rows).report.counts == {"train": 5, "dev": 0, "test": 0}
    assert importer([*rows, *plain(1, 9)], dev_share=0).report.counts == {"train": 5, "dev": 0, "test": 1}


def test_one_prompt_with_several_answers_is_told_and_stays_together(importer: Importer) -> None:
    rows = plain(30)
    rows += [{**row, "completion": "another"} for row in rows[:10]]
    imported = importer(rows)
    assert (imported.report.conflicts, imported.report.duplicates) == (10, 0)
    assert any("more than one answer: 10" in warning for warning in imported.report.warnings)
    together = Counter((example.prompt_id, example.split) for example in imported.store.examples())
    assert len(together) == 30


def test_near_duplicates_stay_together(importer: Importer) -> None:
    """Case, punctuation and single words do not make another question."""
    draw = random.Random(4)
    kin = {}
    rows = []
    for family in range(150):
        words = sentence(draw, 24)
        changed = [*words[:12], "changed", *words[13:]]
        variants = [
            " ".join(words),
            " ".join(words).title() + " !!",
            " ".join(changed),
            ", ".join(words) + " please",
        ]
        for variant in variants:
            kin[variant] = family
            rows.append({"prompt": variant, "completion": "x"})
    draw.shuffle(rows)
    imported = importer(rows)
    assert imported.report.near_duplicates == 450
    splits = defaultdict(set)
    for prompt, side in sides(imported).items():
        splits[kin[prompt]].add(side)
    assert all(len(found) == 1 for found in splits.values())
    assert imported.report.counts["test"] == 120


@pytest.mark.parametrize(("variants", "others"), [(3, 5), (6, 20), (8, 40), (12, 80), (19, 20)])
def test_a_cluster_of_near_duplicates_stays_together_however_small_the_file(
    importer: Importer, variants: int, others: int
) -> None:
    """What a few prompts have in common is what they ask, not a template around it."""
    draw = random.Random(8)
    words = sentence(draw, 30)
    alike = [" ".join([*words[:place], "changed", *words[place + 1 :]]) for place in range(variants)]
    rows = [{"prompt": " ".join(sentence(draw, 12)), "completion": "x"} for _ in range(others)]
    rows += [{"prompt": prompt, "completion": "x"} for prompt in alike]
    for seed in range(3):
        imported = importer(rows, seed=seed)
        assert imported.report.near_duplicates == variants - 1
        assert len({sides(imported)[prompt] for prompt in alike}) == 1


def test_different_questions_are_not_near(importer: Importer) -> None:
    draw = random.Random(5)
    rows = [{"prompt": " ".join(sentence(draw, 8)), "completion": "x"} for _ in range(500)]
    assert importer(rows).report.near_duplicates == 0


def test_a_template_around_the_question_does_not_make_them_alike(importer: Importer) -> None:
    """Otherwise a dataset with one long instruction in every prompt could not be split at all."""
    frame = (
        "Please read the following order carefully and reply with nothing but the department for order number"
    )
    rows = [{"prompt": f"{frame} {n}", "completion": "x"} for n in range(40)]
    imported = importer(rows)
    assert imported.report.near_duplicates == 0
    assert imported.report.counts["test"] == 8
    assert "dataset.template" in imported.heard.decisions


def test_templates_of_two_tasks_in_one_file_do_not_make_them_alike(importer: Importer) -> None:
    draw = random.Random(9)
    frames = [" ".join(sentence(draw, 25)) for _ in range(2)]
    rows = [{"prompt": f"{frame} {' '.join(sentence(draw, 3))}", "completion": "x"} for frame in frames * 30]
    imported = importer(rows)
    assert imported.report.near_duplicates == 0
    assert imported.report.counts["test"] == 12


def test_system_messages_do_not_make_questions_alike(importer: Importer) -> None:
    frame = " ".join(sentence(random.Random(6), 60))
    rows = [chat(("system", frame), ("user", f"alpha{n} beta{n}"), ("assistant", "a")) for n in range(3)]
    assert importer(rows).report.near_duplicates == 0


def test_prompts_without_words_and_without_spaces(importer: Importer) -> None:
    prompts = [
        "???",
        "!!!",
        "😀",
        "你好吗我很好谢谢你的问题今天天气",
        "你好吗我很好谢谢你的问题今天天氣",
        "x",
    ]
    imported = importer([{"prompt": prompt, "completion": "a"} for prompt in prompts * 2])
    assert imported.report.duplicates == 6
    assert imported.report.near_duplicates == 1


def test_leakage_between_given_splits_is_told_and_kept(importer: Importer) -> None:
    rows = [{**row, "split": "train"} for row in plain(10)]
    rows.append({**rows[0], "split": "test"})
    rows.append({"prompt": rows[1]["prompt"].upper(), "completion": "b", "split": "dev"})
    report = importer(rows).report
    assert report.counts == {"train": 10, "dev": 1, "test": 1}
    warning = next(warning for warning in report.warnings if warning.startswith("Leakage"))
    assert "earlier split: 2 (1 word for word" in warning
    assert "1 and 11" in warning
    assert "2 and 12" in warning


def test_a_row_without_split_joins_its_duplicate(importer: Importer) -> None:
    rows = [*plain(30), {**plain(1)[0], "split": "test"}]
    imported = importer(rows)
    assert imported.store.example(1).split == "test"
    assert not any(warning.startswith("Leakage") for warning in imported.report.warnings)
