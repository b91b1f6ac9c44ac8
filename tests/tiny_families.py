"""Tiny random models of many architectures, with all their weights random: what a converter must tell apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

from tests.tiny import tiny_model

#: Wide enough for the blocks of K-quants (256), with as many heads per key as the mixture asks about.
_SHAPE: Final[dict[str, Any]] = {
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 288,
    "max_position_embeddings": 512,
    "tie_word_embeddings": False,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
#: What sees pictures, beside a language model.
_VISION: Final[dict[str, Any]] = {
    "vision_config": {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 28,
        "patch_size": 14,
    },
    "mm_tokens_per_image": 4,
    "image_token_index": 7,
    "boi_token_index": 5,
    "eoi_token_index": 6,
}
_EXPERTS: Final = {"num_experts_per_tok": 2, "moe_intermediate_size": 256}
_LLAMA3: Final = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 128,
}
_LONG: Final = {
    "rope_type": "longrope",
    "rope_theta": 10000.0,
    "long_factor": [1.0 + number / 8 for number in range(32)],
    "short_factor": [1.0 + number / 64 for number in range(32)],
    "original_max_position_embeddings": 256,
}
_YARN: Final = {
    "rope_type": "yarn",
    "rope_theta": 10000.0,
    "factor": 4.0,
    "original_max_position_embeddings": 128,
}

#: Name -> (architecture, model type, what its config says besides, whether its tokenizer is SentencePiece).
FAMILIES: Final[dict[str, tuple[str, str, dict[str, Any], bool]]] = {
    "llama": ("LlamaForCausalLM", "llama", {}, False),
    "llama3": ("LlamaForCausalLM", "llama", {"rope_parameters": _LLAMA3, "num_key_value_heads": 1}, False),
    "tied": ("LlamaForCausalLM", "llama", {"tie_word_embeddings": True}, False),
    "narrow": ("LlamaForCausalLM", "llama", {"hidden_size": 96, "intermediate_size": 160}, False),
    "mistral": ("MistralForCausalLM", "mistral", {"sliding_window": 128, "head_dim": 64}, True),
    "mistral-bytes": ("MistralForCausalLM", "mistral", {"head_dim": 64}, False),
    "smollm3": (
        "SmolLM3ForCausalLM",
        "smollm3",
        {"tie_word_embeddings": True, "no_rope_layers": [1, 1, 0]},
        False,
    ),
    "mixtral": ("MixtralForCausalLM", "mixtral", {"num_local_experts": 8, "num_experts_per_tok": 2}, True),
    "qwen2": ("Qwen2ForCausalLM", "qwen2", {}, False),
    "qwen2yarn": ("Qwen2ForCausalLM", "qwen2", {"rope_parameters": _YARN}, False),
    "qwen2moe": (
        "Qwen2MoeForCausalLM",
        "qwen2_moe",
        {**_EXPERTS, "num_experts": 4, "shared_expert_intermediate_size": 256},
        False,
    ),
    "qwen3": ("Qwen3ForCausalLM", "qwen3", {"head_dim": 64}, False),
    "qwen3moe": ("Qwen3MoeForCausalLM", "qwen3_moe", {**_EXPERTS, "num_experts": 4, "head_dim": 64}, False),
    "gemma": ("GemmaForCausalLM", "gemma", {"head_dim": 64, "tie_word_embeddings": True}, True),
    "gemma2": (
        "Gemma2ForCausalLM",
        "gemma2",
        {"head_dim": 64, "tie_word_embeddings": True, "sliding_window": 64},
        True,
    ),
    "gemma3": (
        "Gemma3ForCausalLM",
        "gemma3_text",
        {"head_dim": 64, "tie_word_embeddings": True, "sliding_window": 64},
        True,
    ),
    "gemma3vision": (
        "Gemma3ForConditionalGeneration",
        "gemma3",
        {"head_dim": 64, "tie_word_embeddings": True, "sliding_window": 64},
        True,
    ),
    "phi3": ("Phi3ForCausalLM", "phi3", {"original_max_position_embeddings": 512}, True),
    "phi3long": (
        "Phi3ForCausalLM",
        "phi3",
        {"rope_parameters": _LONG, "original_max_position_embeddings": 256, "sliding_window": 64},
        True,
    ),
    "phi4": (
        "Phi3ForCausalLM",
        "phi3",
        {"original_max_position_embeddings": 512, "partial_rotary_factor": 0.75},
        False,
    ),
    "phimoe": (
        "PhiMoEForCausalLM",
        "phimoe",
        {"num_local_experts": 4, "num_experts_per_tok": 2, "original_max_position_embeddings": 512},
        True,
    ),
    "granite": (
        "GraniteForCausalLM",
        "granite",
        {"attention_multiplier": 0.1, "embedding_multiplier": 12.0, "logits_scaling": 8.0},
        False,
    ),
    "granitemoe": (
        "GraniteMoeForCausalLM",
        "granitemoe",
        {"num_local_experts": 4, "num_experts_per_tok": 2, "residual_multiplier": 0.2},
        False,
    ),
    "granitemoeshared": (
        "GraniteMoeSharedForCausalLM",
        "granitemoeshared",
        {"num_local_experts": 4, "num_experts_per_tok": 2, "shared_intermediate_size": 256},
        False,
    ),
    "olmo": ("OlmoForCausalLM", "olmo", {"clip_qkv": 8.0}, False),
    "olmo2": ("Olmo2ForCausalLM", "olmo2", {}, False),
    "olmo3": ("Olmo3ForCausalLM", "olmo3", {"sliding_window": 64}, False),
    "olmo3yarn": ("Olmo3ForCausalLM", "olmo3", {"sliding_window": 64, "rope_parameters": _YARN}, False),
    "olmoe": ("OlmoeForCausalLM", "olmoe", {"num_experts": 4, "num_experts_per_tok": 2}, False),
}


def tiny_of_family(name: str, folder: Path, *, dtype: torch.dtype = torch.bfloat16) -> Path:
    """Write a random model of the family ``name`` (see `FAMILIES`) with a synthetic tokenizer; returns its folder."""
    architecture, kind, more, pieces = FAMILIES[name]
    shape, makes = {**_SHAPE, **more}, AutoModelForCausalLM
    if architecture.endswith("ForConditionalGeneration"):  # a language model among other parts
        shape, makes = {"text_config": shape, **_VISION}, AutoModelForImageTextToText
    config = AutoConfig.for_model(kind, **shape)
    config.architectures = [architecture]
    torch.manual_seed(sum(name.encode()))
    model = makes.from_config(config).to(dtype)
    for parameter in model.parameters():
        parameter.data.normal_(0.0, 0.1)
    tiny_model(folder)  # for its byte-pair tokenizer
    merge_bytes(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(str(folder))
    file = folder / "config.json"  # where transformers writes the name of its own class
    content = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**content, "architectures": [architecture]}), encoding="utf-8")
    if pieces:
        _sentence_pieces(folder)
    if name == "phi4":  # told by this from Phi 3, whose pieces are those of Llama
        settings = folder / "tokenizer_config.json"
        content = json.loads(settings.read_text(encoding="utf-8"))
        settings.write_text(json.dumps({**content, "tokenizer_class": "GPT2Tokenizer"}), encoding="utf-8")
    return folder


def exportable_model(folder: Path, *, seed: int = 0, learns: bool = False) -> Path:
    """Write a random model that answers chats and that any process can turn into a GGUF file; returns its folder.

    Args:
        folder: Made when missing.
        seed: Of the weights.
        learns: Its norms pass on what comes to them, so that a short training can teach it an answer; random ones
            leave every token about as likely as any other, whatever it is taught.
    """
    import safetensors.torch

    tiny_of_family("mistral", folder)
    file = folder / "model.safetensors"
    generator = torch.Generator().manual_seed(seed)
    tensors = {
        name: (0.1 * torch.randn(tensor.shape, generator=generator)).to(tensor.dtype)
        for name, tensor in safetensors.torch.load_file(file).items()
    }
    if learns:
        tensors |= {name: torch.ones_like(tensor) for name, tensor in tensors.items() if "norm" in name}
    safetensors.torch.save_file(tensors, file, {"format": "pt"})
    settings = folder / "tokenizer_config.json"
    content = json.loads(settings.read_text(encoding="utf-8"))
    content["added_tokens_decoder"] = _pieces_for_transformers(folder)
    content["chat_template"] = (
        "{{ bos_token }}{% for message in messages %}{{ message.role + ': ' + message.content }}"
        "{% if message.role == 'assistant' %}{{ eos_token }}{% else %}{{ '<|turn|>' }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
    )
    settings.write_text(json.dumps(content), encoding="utf-8")
    return folder


def _pieces_for_transformers(folder: Path) -> dict[str, dict[str, Any]]:
    """Write the SentencePiece tokenizer of a folder as tokenizer.json, too; returns what it adds to the pieces."""
    import sentencepiece
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers

    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    vocabulary = {pieces.id_to_piece(number): number for number in range(pieces.get_piece_size())}
    merges = [
        (piece[:cut], piece[cut:])
        for piece in vocabulary
        for cut in range(1, len(piece))
        if piece[:cut] in vocabulary and piece[cut:] in vocabulary
    ]
    tokenizer = Tokenizer(
        models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    added = {
        str(len(vocabulary)): {"content": "<|turn|>", "special": False, "normalized": False},
        str(len(vocabulary) + 1): {"content": "<end>", "special": True, "normalized": False},
    }
    for token in added.values():
        tokenizer.add_tokens([AddedToken(**token)])
    tokenizer.save(str(folder / "tokenizer.json"))
    return added


def merge_bytes(folder: Path) -> None:
    """Let a tiny model's tokenizer merge two zero bytes, which no text has: llama.cpp takes none without merges."""
    file = folder / "tokenizer.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    zero = "\u0100"  # how byte-level tokenizers write it
    size = len(content["model"]["vocab"])
    content["model"]["vocab"][zero * 2] = size
    content["model"]["merges"] = [[zero, zero]]
    for number, token in enumerate(content["added_tokens"], start=size + 1):
        token["id"] = number
    file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def _sentence_pieces(folder: Path) -> None:
    """Train a SentencePiece tokenizer on a few sentences, and take the place of the other one."""
    import sentencepiece

    for path in folder.glob("tokenizer*"):
        path.unlink()
    text = folder / "text.txt"
    words = ("river", "stone", "bridge", "morning", "letter", "harbour", "winter", "garden")
    text.write_text(
        "\n".join(f"The {one} lies behind the {other}." for one in words for other in words), encoding="utf-8"
    )
    sentencepiece.SentencePieceTrainer.train(
        input=str(text),
        model_prefix=str(folder / "tokenizer"),
        vocab_size=280,
        model_type="bpe",
        byte_fallback=True,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    text.unlink()
    (folder / "tokenizer.vocab").unlink()
    config = {
        "tokenizer_class": "LlamaTokenizer",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "add_bos_token": True,
        "added_tokens_decoder": {
            "281": {"content": "<|turn|>", "special": False},
            "282": {"content": "\u2581\u2581", "special": False},
            "283": {"content": "<end>", "special": True},
        },
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
