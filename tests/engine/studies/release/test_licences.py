"""What follows from the licences of a model's parents, and what is said where that is not known."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.studies.release.hub_licences import fault_of_card
from engine.studies.release.licence_table import LICENCES, licence_named, licence_of_text
from engine.studies.release.licences import ParentLicence, follow, front_matter, licence_of_folder
from engine.studies.release.origins import clean_of_paths, pathless
from tests.conftest import REPOSITORY

#: This project's own licence, and the other one that allows anything.
APACHE = (REPOSITORY / "LICENSE").read_text(encoding="utf-8")
MIT = """MIT License

Copyright (c) 2024 Somebody

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation
the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and
to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of
the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO
THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF
CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER
DEALINGS IN THE SOFTWARE.
"""


def parents(*names: str) -> list[ParentLicence]:
    return [ParentLicence(f"model-{name}", name, licence_named(name), "its model card") for name in names]


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("apache-2.0", "apache-2.0"),
        ("Apache 2.0", "apache-2.0"),
        ("'Apache-2.0'", "apache-2.0"),
        ("MIT", "mit"),
        ("llama3.1", "llama3.1"),
        ("Llama-3", "llama3"),
        ("tongyi-qianwen", "qwen"),
        ("cc-by-nc", "cc-by-nc-4.0"),
        ("gemma", "gemma"),
        ("proprietary", None),
    ],
)
def test_names_of_cards(written: str, known: str | None) -> None:
    found = licence_named(written)
    assert (found.id if found else None) == known


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (APACHE, "apache-2.0"),
        (f"Copyright 2024 The Makers\n\n{APACHE}", "apache-2.0"),
        (f"{APACHE}\nAdditional condition: not for commercial use.", None),
        (APACHE.replace("no-charge, royalty-free", "royalty-free"), None),
        ("        Apache License\n        Version 2.0, January 2004", None),
        ("This licence is based on the Apache License, Version 2.0, for research only.", None),
        (MIT, "mit"),
        (MIT.partition("\n")[2], "mit"),
        (f"Modified {MIT}", None),
        (f"{MIT}\nIts use in weapons is forbidden.", None),
        ("This model is not under the MIT License.", None),
        ("LLAMA 2 COMMUNITY LICENSE AGREEMENT", "llama2"),
        ("META LLAMA 3 COMMUNITY LICENSE AGREEMENT", "llama3"),
        ("LLAMA 3.2 COMMUNITY LICENSE AGREEMENT", "llama3.2"),
        ("Gemma Terms of Use\nLast modified", "gemma"),
        ("Attribution-NonCommercial 4.0 International", "cc-by-nc-4.0"),
        ("Attribution 4.0 International", None),
        ("Attribution 4.0 International, but not for weapons", None),
        ("Creative Commons Attribution-NoDerivatives 4.0 International", "cc-by-nd-4.0"),
        ("Ours alone. It is not the Gemma Terms of Use.", None),
        ("Qwen RESEARCH LICENSE AGREEMENT", "qwen-research"),
        ("Qwen LICENSE AGREEMENT", "qwen"),
        ("All rights reserved.", None),
    ],
)  # fmt: skip
def test_texts_of_licences(text: str, known: str | None) -> None:
    found = licence_of_text(text)
    assert (found.id if found else None) == known


def test_every_licence_says_what_follows_in_a_sentence() -> None:
    for name, licence in LICENCES.items():
        assert licence.id == name
        assert licence.follows.endswith(".")
        assert "{" not in licence.follows


def test_what_the_hub_has_ids_for() -> None:
    assert {name for name, licence in LICENCES.items() if not licence.on_hub} == {
        "qwen",
        "qwen-research",
        "mrl",
    }


@pytest.mark.parametrize(
    ("card", "fault"),
    [
        ("---\nlicense: mit\n---\n# Mine\n", ""),
        ("---\nlicense: other\nlicense_name: a-b.1\nlicense_link: LICENSE\n---\n", ""),
        ("# Mine\n", "does not begin with"),
        ("---\nlicense: mit\n", "does not begin with"),
        ("---\nlicense: [mit\nx: y\n---\n", "no YAML (line 3)"),
        ("---\n- mit\n---\n", "name no fields"),
        ("---\nlicense: qwen\n---\n", "no licence 'qwen'"),
        ("---\ntags: []\n---\n", "no licence None"),
        ("---\nlicense: other\nlicense_name: My Own\nlicense_link: LICENSE\n---\n", "license_name"),
        ("---\nlicense: other\nlicense_name: own\n---\n", "license_link"),
    ],
)
def test_cards_that_the_hub_can_read(card: str, fault: str) -> None:
    found = fault_of_card(card)
    assert fault in found
    assert bool(found) == bool(fault)


def test_the_card_is_asked_first_then_the_catalogue_then_the_files(tmp_path: Path) -> None:
    (tmp_path / "LICENSE.txt").write_text(MIT, encoding="utf-8")
    assert licence_of_folder("m", tmp_path).as_dict()["licence"] == "mit"
    assert licence_of_folder("m", tmp_path, "gemma").as_dict()["licence"] == "gemma"
    (tmp_path / "README.md").write_text(
        "---\nlicense: other\nlicense_name: llama3.1\n---\n", encoding="utf-8"
    )
    assert licence_of_folder("m", tmp_path).as_dict()["licence"] == "llama3.1"
    assert licence_of_folder("m", None, "gemma").as_dict() == {
        "model": "m", "licence": "gemma", "title": "Gemma Terms of Use", "known": True, "source": "the catalogue",
    }  # fmt: skip
    assert licence_of_folder("m", None).as_dict()["licence"] == "unknown"
    for card in ("other\nlicense_name: modified-mit", "mit\nlicense_name: modified-mit"):
        (tmp_path / "README.md").write_text(f"---\nlicense: {card}\n---\n", encoding="utf-8")
        found = licence_of_folder("m", tmp_path).as_dict()
        assert (found["licence"], found["known"], found["source"]) == (
            "modified-mit",
            False,
            "its model card",
        )
    (tmp_path / "LICENSE.txt").write_text("Qwen LICENSE AGREEMENT", encoding="utf-8")
    (tmp_path / "README.md").write_text("---\nlicense: other\nlicense_name: ours\n---\n", encoding="utf-8")
    assert licence_of_folder("m", tmp_path).as_dict()["licence"] == "qwen"
    (tmp_path / "LICENSE.txt").unlink()
    (tmp_path / "README.md").write_text("---\nlicense: our-own\n---\n", encoding="utf-8")
    assert licence_of_folder("m", tmp_path).as_dict() == {
        "model": "m", "licence": "our-own", "title": "our-own", "known": False, "source": "its model card",
    }  # fmt: skip


def told(folder: Path, card: str | None, **texts: str) -> tuple[str, bool, str]:
    """What a folder with such files is said to come under, whether that is known, and who says so."""
    folder.mkdir()
    if card is not None:
        (folder / "README.md").write_text(f"---\n{card}\n---\n", encoding="utf-8")
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    found = licence_of_folder("m", folder).as_dict()
    return found["licence"], found["known"], found["source"]


LLAMA_2 = "LLAMA 2 COMMUNITY LICENSE AGREEMENT"


@pytest.mark.parametrize(
    ("card", "texts", "expected"),
    [
        # What forbids more counts, whoever says it.
        ("license: cc-by-nc-4.0", {"LICENSE": MIT}, ("cc-by-nc-4.0", True, "its model card")),
        ("license: mit", {"LICENSE": LLAMA_2}, ("llama2", True, "its file LICENSE")),
        ("license: mit", {"LICENSE": f"Modified {MIT}"}, ("Modified MIT License", False, "its file LICENSE")),
        ("license: cc-by-nc-4.0\nlicense_name: mit", {}, ("cc-by-nc-4.0", True, "its model card")),
        (None, {"LICENSE": MIT, "LICENSE-MODEL": LLAMA_2}, ("llama2", True, "its file LICENSE-MODEL")),
        ("license: mit", {"LICENSE": "Some words."}, ("mit", True, "its model card")),
        # A text that allows anything is not that of a model that has another.
        ("license: other", {"LICENSE": MIT}, ("unknown", False, "nowhere")),
        (
            None,
            {"LICENSE-CODE": MIT, "LICENSE-MODEL": "OUR MODEL LICENSE AGREEMENT\nWords."},
            ("OUR MODEL LICENSE AGREEMENT", False, "its file LICENSE-MODEL"),
        ),
        # A text that is not known is named.
        (None, {"LICENSE": f"{MIT}\nNot for weapons."}, ("Modified MIT License", False, "its file LICENSE")),
        (None, {"LICENSE": "This is not the MIT License."}, ("unknown", False, "its file LICENSE")),
        (None, {"LICENSE": MIT}, ("mit", True, "its file LICENSE")),
    ],
)
def test_of_what_a_model_says_the_narrower_counts(
    tmp_path: Path, card: str | None, texts: dict[str, str], expected: tuple[str, bool, str]
) -> None:
    assert told(tmp_path / "model", card, **texts) == expected


def test_a_licence_of_its_own_is_named_in_the_whole() -> None:
    found = follow([ParentLicence("m", "Modified MIT License", None, "its file LICENSE")], "mine")
    assert (found.id, found.name) == ("other", "Modified MIT License")


@pytest.mark.parametrize(
    "text", ["", "# No matter", "---\n[broken: {\n---\n", "---\n- a list\n---\n", "---\n"]
)
def test_cards_without_front_matter(tmp_path: Path, text: str) -> None:
    (tmp_path / "README.md").write_text(text, encoding="utf-8")
    assert front_matter(tmp_path) == {}


def test_a_card_is_found_however_its_name_is_written(tmp_path: Path) -> None:
    (tmp_path / "ReadMe.MD").write_text("---\nlicense: gemma\n---\n", encoding="utf-8")
    assert licence_of_folder("m", tmp_path).as_dict()["licence"] == "gemma"


def test_one_licence_is_that_of_the_whole() -> None:
    found = follow(parents("apache-2.0", "apache-2.0"), "mine")
    assert (found.id, found.name, found.conflicts) == ("apache-2.0", "", ())
    assert len(found.follows) == 1


def test_what_the_hub_has_no_id_for_is_named() -> None:
    found = follow(parents("qwen", "qwen"), "mine")
    assert (found.id, found.name) == ("other", "qwen")


def test_what_only_the_hub_knows_keeps_its_id() -> None:
    found = follow(parents("mpl-2.0", "MPL-2.0"), "mine")
    assert (found.id, found.name) == ("mpl-2.0", "")
    assert "which is not known here" in found.conflicts[0]
    assert follow(parents("mpl-2.0", "mit"), "mine").id == "other"


def test_several_are_named_together() -> None:
    found = follow(parents("mit", "apache-2.0"), "mine")
    assert (found.id, found.name, found.conflicts) == ("other", "apache-2.0, mit", ())


def test_an_unknown_licence_is_said_plainly() -> None:
    found = follow([*parents("mit"), ParentLicence("strange", "", None, "nowhere")], "mine")
    assert (found.id, found.name) == ("other", "mit, unknown")
    assert "licence of strange is not known" in found.conflicts[0]
    assert follow([ParentLicence("strange", "", None, "nowhere")], "mine").id == "unknown"
    assert follow([], "mine").id == "unknown"


@pytest.mark.parametrize(
    ("names", "model", "said"),
    [
        (("llama3.1",), "my-model", 'wants a name that begins with "Llama"'),
        (("llama3",), "Llama-mine", 'wants a name that begins with "Llama 3"'),
        (("llama2", "mistral-own"), "m", "not known here"),
        (("llama2", "apache-2.0"), "m", "does not allow to improve other language models"),
        (("cc-by-nc-4.0", "apache-2.0"), "m", "not for commercial use"),
        (("cc-by-nd-4.0",), "m", "does not allow to pass on changed versions"),
        (("gpl-3.0", "gemma"), "m", "without further restrictions"),
    ],
)
def test_conflicts(names: tuple[str, ...], model: str, said: str) -> None:
    assert any(said in sentence for sentence in follow(parents(*names), model).conflicts)


def test_no_conflict_where_there_is_none() -> None:
    assert follow(parents("llama3.1", "llama3.1"), "Llama-mine").conflicts == ()
    assert follow(parents("gpl-3.0", "mit"), "m").conflicts == ()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("base", "base"),
        ("owner/name", "owner/name"),
        ("/data/models/x", "x"),
        ("./models/x", "x"),
        ("C:\\models\\x", "x"),
        ("a/b/c", "c"),
        ("/data/base+/data/adapter", "base+adapter"),
        (".*mlp.*", ".*mlp.*"),
    ],
)
def test_no_path_of_this_machine_is_passed_on(text: str, shown: str) -> None:
    assert pathless(text) == shown
    assert clean_of_paths({"models": [{"model": text}]}) == {"models": [{"model": shown}]}
