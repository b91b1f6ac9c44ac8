"""Answers held to a grammar are texts of it, and the likeliest token is taken wherever it is allowed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engine.inference.constraints import (
    Constraint,
    ConstraintError,
    any_json,
    of_choices,
    of_schema,
    read_constraint,
)
from engine.inference.errors import AnsweringError
from engine.inference.llama.decoder import BatchedDecoder
from engine.inference.llama.drafts import AnswerDrafts
from engine.inference.llama.grammar import Grammar, grammar_text
from engine.inference.llama.model import LlamaModel
from engine.models.template import ChatTemplate, load_template
from engine.progress import SilentReporter
from tests.engine.inference.llama.models import tiny_gguf
from tests.engine.inference.llama.test_decoder import prompts

CHOICES = ("book flight", "book hotel", 'say "no"', "cancel")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return tiny_gguf(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def template(tiny: tuple[Path, Path]) -> ChatTemplate:
    return load_template(tiny[0], SilentReporter())


def answered(
    file: Path, template: ChatTemplate, constraint: Constraint, longest: int, **options: object
) -> list[str]:
    with LlamaModel(file) as model:
        decoder = BatchedDecoder(model, sequences=4, threads=1)
        grammar = Grammar(model, grammar_text(constraint))
        found = decoder.decode(prompts(9), set(template.stop_ids), longest, grammar=grammar, **options)  # type: ignore[arg-type]
        return [template.tokenizer.decode(one.tokens) for one in sorted(found, key=lambda one: one.index)]


def test_an_answer_is_one_of_the_choices(tiny: tuple[Path, Path], template: ChatTemplate) -> None:
    texts = answered(tiny[1], template, of_choices(CHOICES), 40)
    assert set(texts) <= set(CHOICES)
    drafts = AnswerDrafts(
        [template.tokenizer(text, add_special_tokens=False)["input_ids"] for text in CHOICES]
    )
    assert answered(tiny[1], template, of_choices(CHOICES), 40, drafts=drafts) == texts


def test_an_answer_follows_its_schema(tiny: tuple[Path, Path], template: ChatTemplate) -> None:
    schema = {
        "type": "object",
        "properties": {"kind": {"enum": ["a", "b"]}, "many": {"type": "boolean"}},
        "required": ["kind", "many"],
        "additionalProperties": False,
    }
    for text in answered(tiny[1], template, of_schema(schema), 60):
        content = json.loads(text)
        assert content["kind"] in {"a", "b"}
        assert isinstance(content["many"], bool)


def test_the_likeliest_allowed_token_is_taken(tiny: tuple[Path, Path]) -> None:
    with LlamaModel(tiny[1]) as model:
        grammar = Grammar(model, 'root ::= "b" | "c" | "xy"')
        places = {letter: ord(letter) for letter in "abcxy"}
        tokens = {letter: _token(model, letter) for letter in places}
        logits = np.full(model.tokens, -50, dtype=np.float32)
        logits[tokens["a"]], logits[tokens["c"]], logits[tokens["b"]] = 9, 5, 4
        assert grammar.best(logits) == tokens["c"]  # a is likelier, and not allowed
        logits[tokens["x"]] = 8
        assert grammar.best(logits) == tokens["x"]
        twin = grammar.copy()
        twin.accept(tokens["x"])
        assert twin.allows(tokens["y"])
        assert not twin.allows(tokens["b"])
        assert grammar.allows(tokens["b"])


def test_the_only_allowed_token_is_found_though_it_is_the_least_likely(tiny: tuple[Path, Path]) -> None:
    with LlamaModel(tiny[1]) as model:
        grammar = Grammar(model, 'root ::= "q"')
        logits = np.linspace(0, 1, model.tokens, dtype=np.float32)
        logits[_token(model, "q")] = -3
        assert grammar.best(logits) == _token(model, "q")


def test_what_is_no_grammar_is_refused(tiny: tuple[Path, Path], tmp_path: Path) -> None:
    with LlamaModel(tiny[1]) as model, pytest.raises(AnsweringError, match="grammar"):
        Grammar(model, "root ::= (")
    with pytest.raises(AnsweringError, match="schema"):
        grammar_text(of_schema({"$ref": "#/nowhere/at/all"}))
    (tmp_path / "half.json").write_text('{"type": ')
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "bytes.gbnf").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "huge.json").write_text('"' + "x" * 1_000_001)
    for name in ("half.json", "list.json", "bytes.gbnf", "missing.json", "deep.json", "huge.json"):
        with pytest.raises(ConstraintError, match=name):
            read_constraint(tmp_path / name)


def test_a_file_that_answers_cannot_be_held_to_is_refused_when_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "deep.gbnf").write_text("root ::= " + "(" * 20_000 + '"a"' + ")" * 20_000)
    (tmp_path / "often.gbnf").write_text('root ::= "a"{5000000}')
    (tmp_path / "pattern.json").write_text('{"type": "string", "pattern": "^[a-z]{0,20000}$"}')
    (tmp_path / "unique.json").write_text('{"type": "array", "uniqueItems": true}')
    for name in ("deep.gbnf", "often.gbnf", "pattern.json", "unique.json"):
        with pytest.raises(AnsweringError):
            read_constraint(tmp_path / name)
    (tmp_path / "good.gbnf").write_text('root ::= "a"')
    assert read_constraint(tmp_path / "good.gbnf").text == 'root ::= "a"'


def test_awkward_texts_come_out_as_they_are(tiny: tuple[Path, Path], template: ChatTemplate) -> None:
    awkward = ("a\nb", "C:\\temp", 'say "no"', "x\b\fy")
    assert set(answered(tiny[1], template, of_choices(awkward), 40)) <= set(awkward)
    schema = {
        "type": "object",
        "properties": {'"k\\': {"enum": list(awkward)}},
        "required": ['"k\\'],
    }
    for text in answered(tiny[1], template, of_schema(schema), 60):
        assert json.loads(text)['"k\\'] in awkward


def test_choices_come_from_few_texts_only() -> None:
    assert of_choices(["b", "a ", "b"]).choices == ("b", "a")
    with pytest.raises(ConstraintError, match="different answers"):
        of_choices(str(number) for number in range(1001))
    with pytest.raises(ConstraintError, match="no answers"):
        of_choices([])
    assert json.loads(any_json().text) == {"type": "object"}


def _token(model: LlamaModel, letter: str) -> int:
    from engine.inference.llama.library import llama

    pieces = [llama().llama_vocab_get_text(model.vocabulary, token) for token in range(model.tokens)]
    return pieces.index(letter.encode())
