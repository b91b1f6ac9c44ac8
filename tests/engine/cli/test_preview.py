"""``bakeoff dataset preview``: what it shows of unusual tokenizers and templates."""

from __future__ import annotations

import json
from pathlib import Path

from engine.workspace import Workspace
from tests.conftest import Cli
from tests.engine.models.test_token_texts import sentencepiece_model
from tests.here import add_model, import_rows


def test_the_tokens_join_to_the_rendered_text_and_errors_name_the_row(
    cli_here: Cli, workspace: Workspace, tmp_path: Path
) -> None:
    rows = [
        [{"role": "user", "content": "hi to 日本 👍"}, {"role": "assistant", "content": "hi ü"}],
        [
            {"role": "user", "content": "hi"},
            {"role": "user", "content": "refused"},
            {"role": "assistant", "content": "to"},
        ],
    ]
    import_rows(workspace, [{"messages": messages} for messages in rows], "talk")
    folder = sentencepiece_model(tmp_path / "tiny")
    config = json.loads((folder / "tokenizer_config.json").read_text())
    strict = "{% if loop.index0 and message.role == loop.previtem.role %}{{ raise_exception('no turns') }}{% endif %}"
    opening = "{% for message in messages %}"
    config["chat_template"] = config["chat_template"].replace(opening, opening + strict)
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    add_model(workspace, folder, "tiny")

    shown = cli_here("dataset", "preview", "talk", "--row", "1", "--json")
    assert shown.status == 0, shown.stderr
    tokens = shown.json["tokens"]
    assert "".join(token["text"] for token in tokens) == (
        "<|im_start|>user\nhi to 日本 👍<|im_end|>\n<|im_start|>assistant\nhi ü<|im_end|>"
    )
    assert [token["text"] for token in tokens if token["trained"]][-2:] == ["ü", "<|im_end|>"]

    error = cli_here("dataset", "preview", "talk", "--row", "2", "--json").json["error"]
    assert (error["code"], error["row"]) == ("template.fails", 2)
    assert "Row 2" in error["message"]
    assert "no turns" in error["message"]
