"""Files are known for licences and notices by their names, however makers write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.models.notices import card_in, is_card, is_licence_text, is_notice, notices_in


@pytest.mark.parametrize(
    "name",
    ["LICENSE", "licence.md", "LICENSE-MODEL", "MODEL_LICENSE", "Model License.pdf", "COPYING.LESSER", "UNLICENSE",
     "Copyright", "eula.txt", "Licenses.docx"],
)  # fmt: skip
def test_texts_of_licences(name: str) -> None:
    assert is_licence_text(name)
    assert is_notice(name)


@pytest.mark.parametrize(
    "name",
    ["NOTICE", "Notices.txt", "USE_POLICY.md", "Acceptable-Use-Policy.pdf", "Gemma_Terms_of_Use.html",
     "THIRD_PARTY_NOTICES.md", "ThirdPartyNotices.txt", "LEGAL.txt"],
)  # fmt: skip
def test_notices(name: str) -> None:
    assert is_notice(name)
    assert not is_licence_text(name)


@pytest.mark.parametrize(
    "name",
    ["config.json", "licensed.txt", "license.py", "LICENSE.json", "notice.safetensors", "noticeable.md", "merges.txt",
     "paralegal.txt", "README.md"],
)  # fmt: skip
def test_other_files(name: str) -> None:
    assert not is_notice(name)


@pytest.mark.parametrize("name", ["README.md", "readme", "Readme.txt"])
def test_cards(name: str) -> None:
    assert is_card(name)
    assert not is_card(f"not-{name}")


def test_what_a_folder_has(tmp_path: Path) -> None:
    assert card_in(tmp_path) is None
    for name in ("b-LICENSE", "Notice", "readme.MD", "model.bin"):
        (tmp_path / name).write_text("", encoding="utf-8")
    (tmp_path / "licenses").mkdir()
    assert [file.name for file in notices_in(tmp_path)] == ["Notice", "b-LICENSE"]
    assert card_in(tmp_path) == tmp_path / "readme.MD"
