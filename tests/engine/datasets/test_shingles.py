"""Signatures estimate how alike two texts are, and do not depend on how texts are batched."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np

from engine.datasets.shingles import HASHES, frequencies, shingle

WORDS = [f"w{n}" for n in range(3000)]


def similarity(one: list[str], other: list[str]) -> float:
    pairs = [set(pairwise(words)) for words in (one, other)]
    return len(pairs[0] & pairs[1]) / len(pairs[0] | pairs[1])


def test_signatures_estimate_jaccard_similarity_without_bias() -> None:
    draw = random.Random(1)
    errors = []
    for size in (8, 30, 300):
        for _ in range(100):
            one = draw.choices(WORDS, k=size)
            other = list(one)
            for place in draw.sample(range(size), draw.randint(0, size // 2)):
                other[place] = draw.choice(WORDS)
            first, second = shingle([" ".join(one), " ".join(other)]).signatures()
            errors.append(float(np.mean(first == second)) - similarity(one, other))
    assert abs(np.mean(errors)) < 0.015
    assert np.std(errors) < 0.5 / HASHES**0.5 * 1.1


def test_batches_do_not_matter() -> None:
    draw = random.Random(2)
    texts = [" ".join(draw.choices(WORDS, k=draw.randint(0, 40))) for _ in range(300)] + [
        "",
        "?",
        "Äpfel, ÄPFEL",
        "日本語",
    ]
    together = shingle(texts).signatures()
    alone = np.concatenate([shingle([text]).signatures() for text in texts])
    assert (together == alone).all()


def test_case_and_punctuation_do_not_matter() -> None:
    signatures = shingle(["Where's my card?", "WHERE S MY,\ncard", "« where’s my card »"]).signatures()
    assert (signatures[0] == signatures[1]).all()
    assert (signatures[0] == signatures[2]).all()


def test_a_shingle_counts_once_per_text() -> None:
    _, counts = frequencies(shingle(["a b a b a b", "a b", "x"]))
    assert sorted(counts.tolist()) == [1, 1, 2]


def test_common_shingles_are_left_out_where_others_remain() -> None:
    batch = shingle(["a b c", "a b"])
    common = np.sort(shingle(["a b"]).hashes)
    assert [len(part) for part in np.split(batch.without(common).hashes, [1])] == [1, 1]
