"""``bakeoff release`` as a process: bundle, push, install, default base, and refusals before anything is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.workspace import Workspace
from tests.conftest import Cli
from tests.engine.studies.pushing.stand_in import TOKEN, push_hub
from tests.engine.studies.release.conftest import releasable
from tests.here import add_model, import_rows


@pytest.fixture
def base(workspace: Workspace, tmp_path: Path) -> Workspace:
    add_model(workspace, releasable(tmp_path / "sources" / "base"), "base")
    return workspace


def test_a_release_is_made_pushed_and_becomes_the_default_base(
    base: Workspace, cli: Cli, tmp_path: Path
) -> None:
    planned = cli("release", "base", "out", "--quant", "none", "--dry-run", "--json")
    assert planned.status == 0, planned.stderr
    assert planned.json["ranked"] is False
    assert planned.json["bytes"] > 0
    assert not (tmp_path / "out").exists()
    words = ("release", "base", "out", "--quant", "none", "--push", "me/base", "--default-base", "--json")
    with push_hub() as hub:
        environment = {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
        hub.status = 400
        refused = cli(*words, environment=environment)
        assert (refused.status, refused.json["error"]["code"]) == (1, "push.refused")
        made = (tmp_path / "out" / "release.json").read_bytes()
        hub.status = 0
        pushed = cli(*words, environment=environment)
        assert pushed.status == 0, pushed.stderr
        assert (tmp_path / "out" / "release.json").read_bytes() == made  # it was not made again
        assert pushed.json["pushed"]["private"] is True
        assert pushed.json["default_base"] == "base"
        files = hub.repositories["me/base"].files
        assert files["model.safetensors"] == (tmp_path / "out" / "model.safetensors").read_bytes()
        assert files["release.json"] == made
    again = cli("release", "base", "out", "--quant", "none", "--json")
    assert (again.status, again.json["error"]["code"]) == (1, "release.exists")
    listed = cli("model", "list", "--json")
    assert [(model["name"], model["default_base"]) for model in listed.json] == [("base", True)]
    assert "default base" in cli("model", "list").stdout
    import_rows(base, [{"input": f"thing {n}", "output": "red"} for n in range(20)], "colours")
    plan = cli("train", "--dataset", "colours", "--dry-run", "--json")
    assert plan.status == 0, plan.stderr
    assert plan.json["base"] == "base"


REFUSED = (
    (("nobody", "out"), 1, "model.unknown"),
    (("base", "out", "--quant", "q9"), 1, "export.quantisation_unknown"),
    (("base", "nowhere/out", "--quant", "none"), 1, "release.no_folder"),
    (("base", "taken", "--quant", "none"), 1, "release.exists"),
    (("base", "out", "--public"), 2, "usage.public"),
    (("base", "out", "--detach", "--push", "me/x"), 2, "usage.detach"),
    (("base", "out", "--push", "me/x"), 1, "push.no_token"),
    (("base", "out", "--push", "x"), 1, "push.bad_name"),
    (("base", "out", "--install", "ollama"), 1, "install.no_ollama"),
    (("base", "out", "--install", "lmstudio"), 1, "install.no_lm_studio"),
    (("base", "out", "--study", "none", "--quant", "none", "--dry-run"), 1, "study.unknown"),
)


def test_what_cannot_be_done_is_told_before_anything_is_made(
    base: Workspace, cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine").write_text("mine", encoding="utf-8")
    before = sorted(path.name for path in base.jobs.iterdir())
    for words, status, code in REFUSED:
        result = cli("release", *words, "--json", environment={"PATH": "/nowhere", "HF_TOKEN": ""})
        assert (result.status, result.json["error"]["code"]) == (status, code), words
        assert result.json["error"]["fix"]
        assert not (tmp_path / "out").exists()
        assert sorted(path.name for path in base.jobs.iterdir()) == before


def test_training_without_a_base_wants_one_named(workspace: Workspace, cli: Cli) -> None:
    result = cli("train", "--dataset", "x", "--json")
    assert (result.status, result.json["error"]["code"]) == (2, "usage.no_base")


def test_the_token_for_the_hub_goes_into_the_keyring_without_an_endpoint(cli: Cli) -> None:
    result = cli("key", "set", "huggingface", "--json", input="hf_token\n")
    assert result.json["error"]["code"] == "secret.no_keyring"  # there is none here; the name is known
