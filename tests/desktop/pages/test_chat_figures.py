"""What stands below an answer."""

from __future__ import annotations

import pytest

from desktop.pages.chat.pane import figures
from engine.inference.chat.conversation import Answer, Pane
from engine.inference.sampling import Sampling


@pytest.mark.parametrize(("tokens", "told"), [(0, False), (3, True)])
def test_a_first_text_is_told_only_where_there_was_one(tokens: int, told: bool) -> None:
    answer = Answer(
        text="a" * tokens,
        stop="stopped",
        prompt_tokens=5,
        tokens=tokens,
        first_seconds=0.25,
        seconds=1.0,
        sampling=Sampling(seed=1),
    )
    words, _ = figures(Pane(name="tiny", kind="local"), answer, 1)
    assert ("first after 0.25 s" in words) is told
    assert f"{tokens} tokens" in words
