"""Both schemes can be read: every text colour on every ground that it stands on."""

from __future__ import annotations

import pytest

from desktop.theme.tokens import DARK, LIGHT, Tokens, contrast, heat

TEXTS = ("text", "muted", "faint", "accent", "good", "warn", "bad", "violet")
GROUNDS = ("ground", "surface", "raised", "sidebar")


@pytest.mark.parametrize("tokens", [DARK, LIGHT], ids=lambda tokens: tokens.name)
def test_words_have_a_contrast_of_4_5(tokens: Tokens) -> None:
    pairs = [(text, ground) for text in TEXTS for ground in GROUNDS]
    pairs += [(tone, f"{tone}_soft") for tone in ("accent", "good", "warn", "bad", "violet")]
    pairs += [("accent_text", "accent_fill"), ("muted", "border")]
    for text, ground in pairs:
        ratio = contrast(getattr(tokens, text), getattr(tokens, ground))
        assert ratio >= 4.5, f"{text} on {ground}: {ratio:.2f}"


@pytest.mark.parametrize("tokens", [DARK, LIGHT], ids=lambda tokens: tokens.name)
def test_numbers_on_a_heat_scale_can_be_read(tokens: Tokens) -> None:
    for percent in range(101):
        assert contrast(tokens.text, heat(tokens, percent / 100)) >= 4.5


@pytest.mark.parametrize("tokens", [DARK, LIGHT], ids=lambda tokens: tokens.name)
def test_graphics_have_a_contrast_of_3(tokens: Tokens) -> None:
    for fill in ("accent_fill", "good_fill", "warn_fill", "bad_fill", "violet", "line"):
        for ground in ("surface", "ground"):
            ratio = contrast(getattr(tokens, fill), getattr(tokens, ground))
            assert ratio >= 3.0, f"{fill} on {ground}: {ratio:.2f}"
