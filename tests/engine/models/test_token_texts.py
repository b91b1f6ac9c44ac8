"""The pieces of a rendered text, token by token."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from engine.models.token_texts import token_texts
from engine.models.tokenizer import load_tokenizer
from tests.tiny import tiny_model

TEXT = "<|im_start|>user\nhi to  Grüße 日本 👍\n<|im_end|>"


def sentencepiece_model(folder: Path) -> Path:
    """A tiny model whose tokenizer marks spaces as SentencePiece does, and falls back to bytes."""
    tiny_model(folder, vocab=400)
    special = ["<unk>", "<|im_start|>", "<|im_end|>", "<|endoftext|>"]
    names = [*special, *(f"<0x{byte:02X}>" for byte in range(256)), *"▁abcdefghijklmnopqrstuvwxyz"]
    names += ["▁h", "▁hi", "▁t", "▁to"]
    tokenizer = Tokenizer(
        models.BPE(
            vocab={name: number for number, name in enumerate(names)},
            merges=[("▁", "h"), ("▁h", "i"), ("▁", "t"), ("▁t", "o")],
            unk_token="<unk>",
            byte_fallback=True,
        )
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in special])
    tokenizer.save(str(folder / "tokenizer.json"))
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "unk_token": "<unk>"}))
    return folder


@pytest.mark.parametrize("make", [tiny_model, sentencepiece_model])
def test_the_pieces_join_to_the_text_and_no_character_is_torn(tmp_path: Path, make) -> None:
    tokenizer = load_tokenizer(make(tmp_path / "tiny"))
    pieces = token_texts(tokenizer, TEXT)
    assert len(pieces) == len(tokenizer(TEXT, add_special_tokens=False)["input_ids"])
    assert "".join(pieces) == TEXT
    assert "\ufffd" not in "".join(pieces)
    assert [piece for piece in pieces if "👍" in piece or piece == ""][-4:] == ["", "", "", "👍"]
    assert token_texts(tokenizer, "") == []


def test_a_word_keeps_its_space(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(sentencepiece_model(tmp_path / "tiny"))
    assert token_texts(tokenizer, "hi to hi") == ["hi", " to", " hi"]
