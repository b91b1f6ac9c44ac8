"""What cannot serve as a base is refused when it is added."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.models.errors import ModelError
from engine.models.usable import require_usable
from engine.progress import SilentReporter
from tests.tiny import tiny_model

Change = Callable[[Path], None]


def edit(name: str, **values: Any) -> Change:
    def change(folder: Path) -> None:
        file = folder / name
        file.write_text(json.dumps({**json.loads(file.read_text()), **values}))

    return change


def write(name: str, text: str) -> Change:
    return lambda folder: (folder / name).write_text(text) and None


def without_tokenizer(folder: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (edit("config.json", auto_map={"AutoModel": "x.X"}), "model.remote_code"),
        (edit("tokenizer_config.json", auto_map={"AutoTokenizer": ["x.X", None]}), "model.remote_code"),
        (write("config.json", "{}"), "model.unknown_architecture"),
        (edit("config.json", model_type="foobar"), "model.unknown_architecture"),
        (edit("config.json", model_type="bert", architectures=["BertForMaskedLM"]), "model.not_causal"),
        (edit("config.json", architectures=["LlamaForSequenceClassification"]), "model.not_causal"),
        (edit("config.json", model_type="clip", architectures=["CLIPModel"]), "model.not_causal"),
        (edit("config.json", vocab_size=0), "model.bad_config"),
        (write("tokenizer.json", '{"a":'), "model.no_tokenizer"),
        (edit("tokenizer_config.json", chat_template="{% for x in %}"), "model.bad_template"),
    ],
)
def test_what_no_run_could_use_is_refused(tmp_path: Path, change: Change, code: str) -> None:
    folder = tiny_model(tmp_path / "tiny")
    change(folder)
    with pytest.raises(ModelError) as caught:
        require_usable(folder, SilentReporter())
    assert caught.value.code == code
    assert caught.value.fix
    assert str(folder) in caught.value.message


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"architectures": None},
        {"architectures": ["LLaMAForCausalLM"]},
        {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_embd": 16, "n_layer": 2, "n_head": 4},
        {"model_type": "gemma3", "architectures": ["Gemma3ForConditionalGeneration"], "text_config": {}},
    ],
)
def test_what_transformers_can_load_is_not(tmp_path: Path, config: dict[str, Any]) -> None:
    folder = tiny_model(tmp_path / "tiny")
    edit("config.json", **config)(folder)
    require_usable(folder, SilentReporter())


def test_a_template_that_refuses_a_conversation_is_still_a_template(tmp_path: Path) -> None:
    strict = "{% if messages[0].role != 'system' %}{{ raise_exception('no') }}{% endif %}x"
    require_usable(tiny_model(tmp_path / "tiny", chat_template=strict), SilentReporter())


def test_a_model_without_a_tokenizer_is_taken_and_told(tmp_path: Path) -> None:
    class Listener(SilentReporter):
        told: list[str] = []  # noqa: RUF012

        def decision(self, subject: str, choice: object, reason: str, /, **data: object) -> None:
            self.told.append(subject)

    folder, listener = tiny_model(tmp_path / "tiny"), Listener()
    without_tokenizer(folder)
    require_usable(folder, listener)
    assert listener.told == ["tokenizer"]
