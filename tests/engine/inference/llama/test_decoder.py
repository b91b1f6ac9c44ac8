"""Many sequences at once say what one-by-one greedy decoding says."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from engine.errors import BakeoffError
from engine.inference.llama.decoder import BatchedDecoder, Decoded
from engine.inference.llama.drafts import AnswerDrafts, Drafts, FirstOf, PromptDrafts
from engine.inference.llama.model import LlamaModel
from engine.progress import SilentReporter
from tests.engine.inference.llama.models import CONTEXT, one_by_one_of_file, tiny_gguf

#: Two tokens whose logits are nearer than this may change places: llama.cpp keeps the cache in 16 bits.
TIED = 2e-2
#: The same where weights are quantised: what is multiplied with them is rounded to 8 bits, by blocks.
TIED_QUANTISED = 1e-1


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return tiny_gguf(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def file(model: tuple[Path, Path]) -> Path:
    return model[1]


@pytest.fixture(scope="module")
def reference(model: tuple[Path, Path]) -> torch.nn.Module:
    return AutoModelForCausalLM.from_pretrained(str(model[0]), dtype=torch.float32).eval()


def prompts(count: int, *, shared: int = 20, seed: int = 0) -> list[list[int]]:
    random = np.random.default_rng(seed)
    beginning = random.integers(0, 256, shared).tolist()
    return [beginning + random.integers(0, 256, random.integers(1, 30)).tolist() for _ in range(count)]


@torch.inference_mode()
def one_by_one(
    model: torch.nn.Module, asked: Sequence[list[int]], stops: set[int], longest: int
) -> list[tuple[list[int], list[float]]]:
    """Greedy answers, and by how much each token led before the second."""
    found = []
    for prompt in asked:
        answer: list[int] = []
        gaps: list[float] = []
        feed, cache = prompt, None
        while len(answer) < longest and len(prompt) + len(answer) < CONTEXT:
            result = model(torch.tensor([feed]), past_key_values=cache, use_cache=True)
            best, cache = result.logits[0, -1].topk(2), result.past_key_values
            gaps.append(float(best.values[0] - best.values[1]))
            feed = [int(best.indices[0])]
            if feed[0] in stops:
                break
            answer += feed
        found.append((answer, gaps))
    return found


def decode(
    file: Path,
    asked: Sequence[list[int]],
    stops: set[int],
    longest: int,
    *,
    sequences: int = 8,
    drafts: Drafts | None = None,
) -> list[Decoded]:
    with LlamaModel(file) as model:
        decoder = BatchedDecoder(model, sequences=sequences, threads=1)
        found = list(decoder.decode(asked, stops, longest, drafts=drafts))
    assert sorted(one.index for one in found) == list(range(len(asked)))
    return sorted(found, key=lambda one: one.index)


def require_same(
    found: list[Decoded], wanted: list[tuple[list[int], list[float]]], tied: float = TIED
) -> None:
    for one, (tokens, gaps) in zip(found, wanted, strict=True):
        # Where one of them ends and the other goes on, a token that ends an answer was nearly tied.
        pairs = enumerate(zip_longest(one.tokens, tokens))
        place = next((place for place, (ours, theirs) in pairs if ours != theirs), None)
        assert place is None or gaps[place] < tied, (
            f"prompt {one.index} differs at {place} with a gap of {gaps[place]}"
        )


@pytest.mark.parametrize(("sequences", "shared"), [(1, 20), (3, 0), (3, 20), (32, 20)])
def test_answers_are_those_of_one_by_one_decoding(
    sequences: int, shared: int, file: Path, reference: torch.nn.Module
) -> None:
    asked, stops = prompts(20, shared=shared), {7, 100, 200}
    require_same(decode(file, asked, stops, 24, sequences=sequences), one_by_one(reference, asked, stops, 24))


@pytest.mark.parametrize("form", ["q8_0", "q4_0"])
def test_many_at_once_differ_from_one_by_one_only_where_a_quantised_file_was_nearly_tied(
    form: str, tmp_path: Path
) -> None:
    """The number of sequences changes how quantised kernels round, and nothing else."""
    _, file = tiny_gguf(tmp_path, form=form)
    asked, stops = prompts(20), {7, 100, 200}
    wanted = one_by_one_of_file(file, asked, stops, 24, CONTEXT, threads=1)
    for sequences in (1, 3, 32):
        require_same(decode(file, asked, stops, 24, sequences=sequences), wanted, TIED_QUANTISED)


def test_why_an_answer_ended_is_told(file: Path, reference: torch.nn.Module) -> None:
    asked = prompts(6)
    whole = one_by_one(reference, asked, set(), 10)
    assert [one.stop for one in decode(file, asked, set(), 10)] == ["length"] * 6
    stop = whole[0][0][4]
    ended = decode(file, asked[:1], {stop}, 10)[0]
    assert (ended.stop, ended.tokens) == ("stop", whole[0][0][: whole[0][0].index(stop)])


@pytest.mark.parametrize(
    ("kind", "sequences"), [("right", 1), ("wrong", 1), ("wrong", 4), ("prompt", 2), ("both", 12)]
)
def test_guesses_change_nothing(kind: str, sequences: int, file: Path, reference: torch.nn.Module) -> None:
    asked, stops = prompts(12, seed=5), {7, 100}
    wanted = one_by_one(reference, asked, stops, 20)
    answers = [tokens for tokens, _ in wanted]
    guessers: dict[str, Drafts] = {
        "right": AnswerDrafts(answers, least=0.0),
        "wrong": AnswerDrafts([[*tokens[:2], 1, 2, 3, 4] for tokens in answers], least=0.0),
        "prompt": PromptDrafts(run=1),
        "both": FirstOf(AnswerDrafts(answers[:4]), PromptDrafts(run=1)),
    }
    require_same(decode(file, asked, stops, 20, sequences=sequences, drafts=guessers[kind]), wanted)


def test_right_guesses_save_steps(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.inference.llama import decoder

    steps = 0
    step = decoder._Run._step

    def counted(run: decoder._Run) -> None:
        nonlocal steps
        steps += 1
        step(run)

    monkeypatch.setattr(decoder._Run, "_step", counted)
    asked = prompts(1)
    plain = decode(file, asked, set(), 24)
    without, steps = steps, 0
    assert decode(file, asked, set(), 24, drafts=AnswerDrafts([plain[0].tokens])) == plain
    assert steps < without / 3


def test_prompts_longer_than_a_batch_and_the_end_of_the_context(tmp_path: Path) -> None:
    folder, file = tiny_gguf(tmp_path, context=1500, seed=1)
    random = np.random.default_rng(2)
    asked = [random.integers(0, 256, length).tolist() for length in (1400, 1495, 1499, 1500, 1600, 40)]
    found = decode(file, asked, set(), 50, sequences=2)
    assert [len(one.tokens) for one in found] == [50, 5, 1, 0, 0, 50]
    assert {one.stop for one in found} == {"length"}
    model = AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32).eval()
    with torch.inference_mode():
        wanted = model.generate(torch.tensor([asked[0]]), max_new_tokens=5, min_new_tokens=5, do_sample=False)
    assert found[0].tokens[:5] == wanted[0, 1400:].tolist()


def test_equal_prompts_and_a_single_one(file: Path, reference: torch.nn.Module) -> None:
    asked = prompts(1) * 5
    found = decode(file, asked, set(), 8)
    require_same(found, one_by_one(reference, asked, set(), 8))
    assert decode(file, [[5]], set(), 3)[0].tokens == one_by_one(reference, [[5]], set(), 3)[0][0]
    assert decode(file, [], set(), 3) == []


class _Impatient(SilentReporter):
    """Interrupts at the third look."""

    def __init__(self) -> None:
        self.looks = 0

    def check(self) -> None:
        self.looks += 1
        if self.looks > 2:
            raise KeyboardInterrupt


def test_an_interruption_comes_between_two_steps(file: Path) -> None:
    with LlamaModel(file) as model:
        decoder = BatchedDecoder(model, sequences=2, threads=1)
        with pytest.raises(KeyboardInterrupt):
            list(decoder.decode(prompts(9), set(), 30, reporter=_Impatient()))
        assert len(list(decoder.decode(prompts(2), set(), 3))) == 2  # and the model can go on


@pytest.mark.parametrize("damage", ["cut", "magic", "empty", "text"])
def test_damaged_files_are_told_of(damage: str, file: Path, tmp_path: Path) -> None:
    raw = file.read_bytes()
    content = {
        "cut": raw[: len(raw) // 2],
        "magic": b"GGML" + raw[4:],
        "empty": b"",
        "text": b"not a model",
    }[damage]
    (tmp_path / "damaged.gguf").write_bytes(content)
    with pytest.raises(BakeoffError, match="damaged"):
        LlamaModel(tmp_path / "damaged.gguf")
    with pytest.raises(BakeoffError, match="no GGUF file"):
        LlamaModel(tmp_path / "nothing.gguf")
