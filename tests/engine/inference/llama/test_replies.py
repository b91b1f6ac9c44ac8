"""A talking model: pieces make the whole, turns reuse what is computed, stops stop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.inference.constraints import of_choices
from engine.inference.llama.replies import Reply, Talker, _Text
from engine.inference.llama.streaming import ContextFullError
from engine.inference.sampling import GREEDY, Sampling
from engine.models.template import ChatTemplate, load_template
from engine.progress import SilentReporter
from tests.engine.inference.llama.models import CONTEXT, tiny_gguf

ASKED = [{"role": "user", "content": "What is this?"}]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return tiny_gguf(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def template(tiny: tuple[Path, Path]) -> ChatTemplate:
    return load_template(tiny[0], SilentReporter())


@pytest.fixture
def talker(tiny: tuple[Path, Path], template: ChatTemplate) -> Iterator[Talker]:
    with Talker(tiny[1], template, threads=1) as talker:
        yield talker


def said(talker: Talker, messages: list[dict[str, str]], **options: object) -> tuple[list[str], Reply]:
    sampling = options.pop("sampling", GREEDY)
    found = list(talker.reply(messages, sampling, **options))  # type: ignore[arg-type]
    assert isinstance(found[-1], Reply)
    pieces = [piece for piece in found if isinstance(piece, str)]
    return pieces, found[-1]


def test_the_pieces_make_the_whole(talker: Talker) -> None:
    pieces, reply = said(talker, ASKED, max_new_tokens=30)
    assert "".join(pieces) == reply.text
    assert 0 < reply.tokens <= 30
    assert reply.stop in {"stop", "length"}
    assert reply.prompt_tokens > 0
    assert 0 < reply.first_seconds <= reply.seconds


def test_the_next_turn_computes_only_what_is_new_and_says_the_same(
    talker: Talker, tiny: tuple[Path, Path], template: ChatTemplate
) -> None:
    _, first = said(talker, ASKED, max_new_tokens=12)
    assert first.cached_tokens == 0
    follow = [*ASKED, {"role": "assistant", "content": first.text}, {"role": "user", "content": "And that?"}]
    _, second = said(talker, follow, max_new_tokens=12)
    assert second.cached_tokens >= first.prompt_tokens - 1
    with Talker(tiny[1], template, threads=1) as fresh:
        _, alone = said(fresh, follow, max_new_tokens=12)
    assert alone.cached_tokens == 0
    assert alone.text == second.text
    _, again = said(talker, ASKED, max_new_tokens=12)
    assert again.text == first.text


def test_a_seed_repeats_what_it_drew(talker: Talker) -> None:
    def drawn(seed: int) -> str:
        return said(
            talker,
            ASKED,
            max_new_tokens=40,
            sampling=Sampling(temperature=1.5, top_p=1, min_p=0, top_k=0, seed=seed),
        )[1].text

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_a_repeat_penalty_changes_greedy_answers(talker: Talker) -> None:
    plain = said(talker, ASKED, max_new_tokens=60)[1].text
    penalised = said(talker, ASKED, max_new_tokens=60, sampling=Sampling(temperature=0, repeat_penalty=2))[
        1
    ].text
    assert plain != penalised


def test_drawn_answers_are_held_to_the_constraint_too(talker: Talker) -> None:
    choices = ("yes", "no", "may be")
    found = {
        said(talker, ASKED, constraint=of_choices(choices), sampling=Sampling(temperature=2, seed=seed))[
            1
        ].text
        for seed in range(8)
    }
    assert found <= set(choices)
    assert len(found) > 1


def test_a_stop_text_ends_the_answer_and_is_not_shown(talker: Talker) -> None:
    whole = said(talker, ASKED, max_new_tokens=40)[1].text
    stop = whole[10:13]
    pieces, reply = said(talker, ASKED, max_new_tokens=40, stops=[stop])
    assert reply.stop == "stop"
    assert "".join(pieces) == reply.text == whole[: whole.index(stop)]


def test_it_stops_when_told(talker: Talker) -> None:
    asked = iter([False] * 5 + [True] * 100)
    _, reply = said(talker, ASKED, max_new_tokens=40, stopped=lambda: next(asked))
    assert reply.stop == "stopped"
    assert reply.tokens < 40


def test_the_answer_ends_with_the_context_and_a_longer_prompt_is_refused(talker: Talker) -> None:
    assert talker.context == CONTEXT
    long = [{"role": "user", "content": "y" * (CONTEXT - 60)}]
    _, reply = said(talker, long)
    assert reply.stop in {"length", "stop"}
    assert reply.prompt_tokens + reply.tokens <= CONTEXT
    with pytest.raises(ContextFullError, match=str(CONTEXT)):
        said(talker, [{"role": "user", "content": "y" * CONTEXT}])


def test_characters_of_several_tokens_come_whole(template: ChatTemplate) -> None:
    text = _Text(template.tokenizer, ())
    wanted = "Größe 日本 🎂!"
    pieces = [text.add(token) for token in template.tokenizer(wanted, add_special_tokens=False)["input_ids"]]
    assert "".join([*pieces, text.finish()]) == wanted
    assert not any("\ufffd" in piece for piece in pieces)
