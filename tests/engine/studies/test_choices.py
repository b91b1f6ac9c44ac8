"""The sentences about a study's choices claim no order that there was not."""

from __future__ import annotations

from engine.studies.choices import merge_sentence, parents_sentence

BASES = ["one", "two", "three"]


def test_parents() -> None:
    assert parents_sentence(BASES, ["one", "two"], []) == (
        "Nothing was judged on dev prompts, so the first bases of the study's file, one and two become the parents."
    )
    assert parents_sentence(BASES, ["one", "two"], BASES).startswith("All bases are equal on dev prompts")
    assert parents_sentence(BASES, ["three", "two"], ["three", "two"]).endswith(
        "three and two are equal at the top on dev prompts."
    )
    assert parents_sentence(BASES, ["three", "two"], ["three"]).endswith("where three leads.")


def test_the_best_merge() -> None:
    assert (
        merge_sentence(["m"], "m", ["m"], ["one"])
        == "m is the only merge; on dev prompts one leads there over all."
    )
    assert merge_sentence(["m", "n"], "m", ["m", "n"], ["m", "n"]) == (
        "m and n are equal on dev prompts, so m counts as the best merge; m and n are equal at the top."
    )
    assert (
        merge_sentence(["m", "n"], "n", ["n"], ["n"])
        == "n is the best merge on dev prompts; n leads there over all."
    )
