"""A real model on a real task: many prompts at once give the answers of one by one, and the task's metric stays."""

from __future__ import annotations

import json
from itertools import zip_longest
from pathlib import Path
from statistics import fmean

import llama_cpp  # noqa: F401  # with its own kernels; those for AVX-512 round otherwise (docs/measurements.md)
import pytest

from engine.exporting.plan import plan_gguf
from engine.exporting.quantisations import quantisation
from engine.exporting.writing import write_gguf
from engine.inference.llama.decoder import BatchedDecoder
from engine.inference.llama.drafts import PromptDrafts
from engine.inference.llama.model import LlamaModel
from engine.metrics import metric_named
from engine.models.library import find_model
from engine.models.source import demo_source
from engine.models.template import load_template
from engine.progress import SilentReporter
from engine.resources import resource
from engine.workspace import Workspace
from tests.engine.inference.llama.models import one_by_one_of_file
from tests.here import add_model

#: Logits of two tokens that rounding to 8 bits may put in either order, and how far it may move the mean metric.
TIED, MOVED = 0.35, 0.02
_PROMPTS, _LONGEST = 16, 32


@pytest.mark.thorough
def test_answers_and_metric_are_those_of_one_by_one(workspace: Workspace, tmp_path: Path) -> None:
    add_model(workspace, Path(demo_source().where), "smollm2")
    folder, file = find_model(workspace, "smollm2").folder, tmp_path / "q8_0.gguf"
    write_gguf(plan_gguf(folder, quantisation("q8_0")), file, name="smollm2")
    template = load_template(folder, SilentReporter())
    lines = resource("tasks", "note-summaries", "examples.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines[:_PROMPTS]]
    asked = [
        template.prompt_ids([{"role": "user", "content": f"Summarise in one sentence: {row['note']}"}])
        for row in rows
    ]
    metric, stops = metric_named("rouge_l"), set(template.stop_ids)

    def mean(answers: list[list[int]]) -> float:
        texts = [template.tokenizer.decode(ids, skip_special_tokens=True).strip() for ids in answers]
        return fmean(metric.score(row["summary"], text) for row, text in zip(rows, texts, strict=True))

    wanted = one_by_one_of_file(file, asked, stops, _LONGEST, max(map(len, asked)) + _LONGEST)
    known = mean([answer for answer, _ in wanted])
    assert known > 0.1  # so that it could move
    with LlamaModel(file) as model:
        for sequences, drafts in ((1, None), (5, None), (_PROMPTS, None), (_PROMPTS, PromptDrafts())):
            decoded = list(
                BatchedDecoder(model, sequences=sequences).decode(asked, stops, _LONGEST, drafts=drafts)
            )
            decoded.sort(key=lambda one: one.index)
            same = 0
            for one, (tokens, gaps) in zip(decoded, wanted, strict=True):
                pairs = enumerate(zip_longest(one.tokens, tokens))
                place = next((place for place, (ours, theirs) in pairs if ours != theirs), None)
                assert place is None or gaps[place] < TIED, (sequences, one.index, place, gaps[place])
                same += place is None
            moved = mean([one.tokens for one in decoded]) - known
            print(f"{sequences} at once: {same} of {_PROMPTS} alike, metric {known:.4f} {moved:+.4f}")
            assert abs(moved) < MOVED
