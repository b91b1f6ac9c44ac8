"""Whole merges: layouts, heads, adapters, seeds, files, and failures that leave nothing behind."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from engine.errors import BakeoffError
from engine.merging import MergeError, merge, methods, parse_recipe
from engine.weights import WeightsReader
from tests.engine.merging.conftest import DATA, MODELS, Tensors, tensors_of

Merged = Callable[..., Tensors]
LINEAR = {"merge_method": "linear", "parameters": {"weight": 1}}


def of(*names: str, **parameters: Any) -> list[dict[str, Any]]:
    return [{"model": name, "parameters": parameters} for name in names]


def source(model: str, start: int, end: int, **parameters: Any) -> dict[str, Any]:
    return {"model": model, "layer_range": [start, end], "parameters": parameters}


def config_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "config.json").read_text())
    return content


def close(actual: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-6)


def test_slices_number_their_layers_anew_and_resolve_their_own_parameters(
    merged: Merged, models: dict[str, Tensors], tmp_path: Path
) -> None:
    recipe = {
        "merge_method": "linear",
        "slices": [
            {
                "sources": [source("a", 0, 1, weight=[0.9, 0.2]), source("b", 1, 2)],
                "parameters": {"weight": 0.8},
            },
            {"sources": [source("c", 0, 2, weight=[0.3, 0.6]), source("b", 0, 2)]},
        ],
        "parameters": {"weight": 0.5, "normalize": False},
    }
    out = merged(recipe)
    a, b, c = models["a"], models["b"], models["c"]
    part = "mlp.up_proj.weight"
    # A single layer stands at the end of its gradient: 0.2.
    close(
        out[f"model.layers.0.{part}"],
        0.2 * a[f"model.layers.0.{part}"] + 0.8 * b[f"model.layers.1.{part}"],
    )
    close(
        out[f"model.layers.1.{part}"],
        0.3 * c[f"model.layers.0.{part}"] + 0.5 * b[f"model.layers.0.{part}"],
    )
    close(
        out[f"model.layers.2.{part}"],
        0.6 * c[f"model.layers.1.{part}"] + 0.5 * b[f"model.layers.1.{part}"],
    )
    # Outside the layers: the first slice before them, the last after them, and v[0] of a gradient.
    embedding, norm = "model.embed_tokens.weight", "model.norm.weight"
    close(out[embedding], 0.9 * a[embedding] + 0.8 * b[embedding])
    close(out[norm], 0.3 * c[norm] + 0.5 * b[norm])
    assert config_of(tmp_path / "merged1")["num_hidden_layers"] == 3


def test_slerp_by_slices_finds_its_base_wherever_it_stands(
    merged: Merged, models: dict[str, Tensors]
) -> None:
    recipe = {
        "merge_method": "slerp",
        "base_model": "a",
        "slices": [
            {"sources": [source("a", 0, 1), source("b", 0, 1)], "parameters": {"t": 0.1}},
            {"sources": [source("b", 1, 2), source("a", 1, 2)]},
        ],
        "parameters": {"t": [{"filter": "mlp", "value": [0.7, 0.2]}, {"value": 0.25}]},
    }
    out = merged(recipe)

    def expected(name: str, t: float) -> torch.Tensor:
        return methods.slerp(models["a"][name].clone(), models["b"][name].clone(), t=t)

    for name, t in (
        ("model.layers.0.mlp.up_proj.weight", 0.1),
        ("model.layers.1.mlp.up_proj.weight", 0.2),
        ("model.layers.1.self_attn.q_proj.weight", 0.25),
        ("model.embed_tokens.weight", 0.1),
        ("lm_head.weight", 0.25),
    ):
        close(out[name], expected(name, t))


def test_a_base_that_is_not_listed_joins(merged: Merged) -> None:
    options = {"merge_method": "slerp", "base_model": "b", "parameters": {"t": 0.3}}
    alone, both = merged({**options, "models": of("a")}), merged({**options, "models": of("a", "b")})
    assert all(torch.equal(alone[name], both[name]) for name in both)


def test_a_listed_base_is_no_task_vector(merged: Merged) -> None:
    options = {"merge_method": "ties", "base_model": "base", "parameters": {"weight": 0.5, "density": 0.4}}
    with_base, without = (
        merged({**options, "models": of("base", "a", "b")}),
        merged({**options, "models": of("a", "b")}),
    )
    assert all(torch.equal(with_base[name], without[name]) for name in without)


def test_a_model_may_be_stacked_on_itself(merged: Merged, models: dict[str, Tensors], tmp_path: Path) -> None:
    slices = [{"sources": [source("a", 0, 2)]}, {"sources": [source("a", 0, 2, scale=2)]}]
    out = merged({"merge_method": "passthrough", "slices": slices})
    name = "self_attn.o_proj.weight"
    close(out[f"model.layers.3.{name}"], 2 * models["a"][f"model.layers.1.{name}"])
    assert config_of(tmp_path / "merged1")["num_hidden_layers"] == 4


@pytest.mark.parametrize("names", [("tied_a", "b"), ("a", "tied_b")])
def test_mixed_heads_give_an_untied_head(
    merged: Merged, models: dict[str, Tensors], tmp_path: Path, names: tuple[str, str]
) -> None:
    out = merged({**LINEAR, "models": of(*names)})
    heads = [models[name].get("lm_head.weight", models[name]["model.embed_tokens.weight"]) for name in names]
    close(out["lm_head.weight"], (heads[0] + heads[1]) / 2)
    assert config_of(tmp_path / "merged1")["tie_word_embeddings"] is False


def test_stacked_models_with_mixed_heads(merged: Merged, models: dict[str, Tensors]) -> None:
    slices = [{"sources": [source("a", 0, 2)]}, {"sources": [source("tied_b", 0, 2)]}]
    out = merged({"merge_method": "passthrough", "slices": slices})
    close(out["model.embed_tokens.weight"], models["a"]["model.embed_tokens.weight"])
    close(out["lm_head.weight"], models["tied_b"]["model.embed_tokens.weight"])


def test_a_tied_merge_stays_tied(merged: Merged, tmp_path: Path) -> None:
    out = merged({**LINEAR, "base_model": "a", "models": of("tied_a", "tied_b")})
    assert "lm_head.weight" not in out
    assert config_of(tmp_path / "merged1")["tie_word_embeddings"] is True  # although that of 'a' says no


@pytest.mark.parametrize(
    ("options", "stored"),
    [
        ({"dtype": None}, "bfloat16"),
        ({"dtype": "float16"}, "float16"),
        ({"dtype": "bfloat16", "out_dtype": "float32"}, "float32"),
        ({"dtype": None, "out_dtype": "float32"}, "float32"),
    ],
)
def test_every_tensor_has_the_type_that_the_config_claims(
    tmp_path: Path, options: dict[str, str | None], stored: str
) -> None:
    given = {key: value for key, value in options.items() if value is not None}
    merge(
        parse_recipe({**LINEAR, "models": of("a", "b"), **given}), tmp_path / "out", resolve=MODELS.joinpath
    )
    assert {str(tensor.dtype) for tensor in tensors_of(tmp_path / "out").values()} == {f"torch.{stored}"}
    assert config_of(tmp_path / "out")["dtype"] == stored


def test_arithmetic_is_float32_unless_asked_otherwise(merged: Merged, models: dict[str, Tensors]) -> None:
    recipe = {
        "merge_method": "task_arithmetic",
        "base_model": "base",
        "models": of("a", "b", weight=0.3),
        "dtype": "bfloat16",
    }
    name = "model.layers.0.mlp.up_proj.weight"
    base, a, b = (models[model][name] for model in ("base", "a", "b"))
    exact = base + (0.3 * (a - base) + 0.3 * (b - base))
    assert torch.equal(merged(recipe)[name], exact.to(torch.bfloat16))
    rounded = merged({**recipe, "arithmetic": "dtype"})[name]
    small = [tensor.to(torch.bfloat16) for tensor in (base, a, b)]
    weight = torch.tensor(0.3, dtype=torch.bfloat16)
    step = (small[1] - small[0]) * weight + (small[2] - small[0]) * weight
    assert torch.equal(rounded, small[0] + step)
    assert not torch.equal(rounded, exact.to(torch.bfloat16))


def test_dare_depends_on_the_seed_and_not_on_threads(merged: Merged, models: dict[str, Tensors]) -> None:
    recipe = {
        "merge_method": "dare_linear",
        "base_model": "base",
        "models": of("a", weight=1, density=0.6),
    }
    one, two, other = merged(recipe, threads=1), merged(recipe, threads=3), merged(recipe, seed=1)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)
    name = "model.embed_tokens.weight"
    before = models["a"][name] - models["base"][name]
    change = one[name] - models["base"][name]
    # Where the models do not differ nothing can be dropped.
    kept = float((change[before != 0].abs() > 1e-7).float().mean())
    assert kept == pytest.approx(0.6, abs=0.02)
    assert float(change.abs().sum()) == pytest.approx(float(before.abs().sum()), rel=1e-4)


def test_adapters_are_folded_while_merging(
    tmp_path: Path, merged: Merged, models: dict[str, Tensors]
) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    a, b = torch.randn(2, 64), torch.randn(64, 2)
    prefix = "base_model.model.model.layers.1.self_attn.q_proj"
    save_file(
        {f"{prefix}.lora_A.weight": a, f"{prefix}.lora_B.weight": b}, adapter / "adapter_model.safetensors"
    )
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "base_model_name_or_path": str(MODELS / "a")}
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    out = merged({**LINEAR, "models": of(f"{MODELS / 'a'}+{adapter}", "b")})
    name = "model.layers.1.self_attn.q_proj.weight"
    close(out[name], (models["a"][name] + 2 * (b @ a) + models["b"][name]) / 2)
    alone = merged({**LINEAR, "models": of(str(adapter), "b")})  # the adapter names its base
    assert all(torch.equal(alone[key], out[key]) for key in out)
    parent = json.loads((tmp_path / "merged1" / "bakeoff.json").read_text())["parents"][0]
    assert parent["base_sha256"] == WeightsReader(MODELS / "a").sha256()


def test_an_adapter_with_more_tokens_gives_vocabulary_and_tokenizer(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    adapter = tmp_path / "adapter"
    adapter.mkdir()
    wide = torch.randn(520, 64)
    names = ("base_model.model.model.embed_tokens.weight", "base_model.model.lm_head.weight")
    save_file({name: wide.clone() for name in names}, adapter / "adapter_model.safetensors")
    (adapter / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 2}))
    (adapter / "tokenizer_config.json").write_text('{"of": "the adapter"}')
    recipe = {"merge_method": "passthrough", "models": of(f"a+{adapter}"), "dtype": "float32"}
    resolve = {"a": MODELS / "a"}.get
    merge(parse_recipe(recipe), tmp_path / "out", resolve=resolve)
    assert config_of(tmp_path / "out")["vocab_size"] == 520
    assert json.loads((tmp_path / "out" / "tokenizer_config.json").read_text()) == {"of": "the adapter"}
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert torch.equal(model.get_input_embeddings().weight, wide)


def test_sharded_input_and_output(tmp_path: Path) -> None:
    recipe = {**LINEAR, "models": of("b", "a")}
    merge(parse_recipe(recipe), tmp_path / "whole", resolve=MODELS.joinpath)
    merge(
        parse_recipe({**LINEAR, "models": of("a")}),
        tmp_path / "a",
        resolve=MODELS.joinpath,
        shard_bytes=40_000,
    )
    assert (tmp_path / "a" / "model.safetensors.index.json").exists()

    def resolve(name: str) -> Path:
        return tmp_path / "a" if name == "a" else MODELS / name

    merge(parse_recipe(recipe), tmp_path / "again", resolve=resolve, shard_bytes=50_000)
    assert WeightsReader(tmp_path / "again").sha256() == WeightsReader(tmp_path / "whole").sha256()


def test_provenance_repeats_the_merge(tmp_path: Path) -> None:
    file = DATA / "recipes" / "dare_linear.yml"
    recipe = parse_recipe(file.read_text())
    result = merge(recipe, tmp_path / "one", recipe_file=file, seed=7)
    content = json.loads((tmp_path / "one" / "bakeoff.json").read_text())
    assert content == result.provenance
    assert content["content_sha256"] == WeightsReader(tmp_path / "one").sha256()
    hashes = {parent["model"]: parent["sha256"] for parent in content["parents"]}
    assert hashes["models/a"] == WeightsReader(MODELS / "a").sha256()
    assert set(hashes) == {"models/a", "models/b", "models/base"}
    file_hash = hashlib.sha256((MODELS / "a" / "model.safetensors").read_bytes()).hexdigest()
    assert [parent["files"] for parent in content["parents"] if parent["model"] == "models/a"] == [
        {"model.safetensors": file_hash}
    ]
    assert set(content["versions"]) == {"bakeoff", "torch", "python"}
    again = merge(parse_recipe(content["recipe"]), tmp_path / "two", recipe_file=file, seed=content["seed"])
    assert again.provenance == result.provenance


def test_tokenizer_files_are_copied_byte_for_byte(tmp_path: Path) -> None:
    for name in ("a", "b"):
        shutil.copytree(MODELS / name, tmp_path / name)
        (tmp_path / name / "tokenizer_config.json").write_bytes(b'{"odd" :\t"%s"}\r\n' % name.encode())
        (tmp_path / name / "chat_template.jinja").write_text(f"template of {name}")
    recipe = parse_recipe({**LINEAR, "base_model": "b", "models": of("a", "b")})
    merge(recipe, tmp_path / "out", resolve=tmp_path.joinpath)
    for name in ("tokenizer_config.json", "chat_template.jinja", "generation_config.json"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_whole_numbers_are_copied_where_all_agree(tmp_path: Path) -> None:
    for name in ("a", "b"):
        shutil.copytree(MODELS / name, tmp_path / name)
        extra = {"model.steps": torch.tensor([1, 2])}
        save_file({**tensors_of(MODELS / name), **extra}, tmp_path / name / "model.safetensors")
    recipe = parse_recipe({**LINEAR, "models": of("a", "b")})
    merge(recipe, tmp_path / "out", resolve=tmp_path.joinpath)
    assert tensors_of(tmp_path / "out")["model.steps"].tolist() == [1, 2]
    extra = {"model.steps": torch.tensor([1, 3])}
    save_file({**tensors_of(MODELS / "b"), **extra}, tmp_path / "b" / "model.safetensors")
    with pytest.raises(MergeError, match=r"model\.steps"):
        merge(recipe, tmp_path / "other", resolve=tmp_path.joinpath)
    assert not (tmp_path / "other").exists()


def test_a_result_that_is_no_number_is_refused(tmp_path: Path) -> None:
    shutil.copytree(MODELS / "a", tmp_path / "a")
    tensors = tensors_of(MODELS / "a")
    tensors["model.layers.1.mlp.up_proj.weight"][3, 3] = float("nan")
    save_file(tensors, tmp_path / "a" / "model.safetensors")
    recipe = parse_recipe({**LINEAR, "models": of("a")})
    with pytest.raises(MergeError, match=r"layers\.1\.mlp\.up_proj"):
        merge(recipe, tmp_path / "out", resolve=tmp_path.joinpath)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a"]


def test_the_result_loads_and_runs(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    slices = [{"sources": [source("a", 0, 2)]}, {"sources": [source("b", 0, 1)]}]
    recipe = parse_recipe({"merge_method": "passthrough", "slices": slices, "dtype": "float32"})
    merge(recipe, tmp_path / "out", resolve=MODELS.joinpath)
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert model.config.num_hidden_layers == 3
    assert model.dtype == torch.float32
    logits = model(torch.tensor([[1, 5, 7]])).logits
    assert logits.shape == (1, 3, 512)
    assert torch.isfinite(logits).all()


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("irreplaceable")
    with pytest.raises(BakeoffError, match="already exists"):
        merge(parse_recipe({**LINEAR, "models": of("a")}), tmp_path / "out", resolve=MODELS.joinpath)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.txt"]


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE is a POSIX limit")
def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    code = """
import pathlib, resource, sys
from engine.errors import BakeoffError
from engine.merging import load_recipe, merge
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
file = pathlib.Path(sys.argv[1])
try:
    merge(load_recipe(file), pathlib.Path(sys.argv[2]) / "out", recipe_file=file)
except BakeoffError as error:
    print(error.code, error.sentence())
"""
    words = [sys.executable, "-c", code, str(DATA / "recipes" / "slerp.yml"), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("weights.disk_full There is not enough space to write"), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_too_small_is_told_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage())
    with pytest.raises(MergeError, match="needs 1 MB"):
        merge(parse_recipe({**LINEAR, "models": of("a")}), tmp_path / "out", resolve=MODELS.joinpath)
    assert list(tmp_path.iterdir()) == []


class _Usage:
    free = 1000


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    from engine.progress import SilentReporter

    class Impatient(SilentReporter):
        seen = 0

        def progress(self, done: float, total: float | None, unit: str, /, **data: Any) -> None:
            self.seen += 1

        def check(self) -> None:
            if self.seen == 5:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        merge(
            parse_recipe({**LINEAR, "models": of("a")}),
            tmp_path / "out",
            resolve=MODELS.joinpath,
            reporter=Impatient(),
        )
    assert list(tmp_path.iterdir()) == []


def test_sources_are_not_changed(merged: Merged) -> None:
    before = {path: path.read_bytes() for path in MODELS.rglob("*") if path.is_file()}
    merged({"merge_method": "ties", "base_model": "base", "models": of("a", "b", weight=1, density=0.5)})
    assert {path: path.read_bytes() for path in MODELS.rglob("*") if path.is_file()} == before
