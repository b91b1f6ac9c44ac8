"""A vocabulary for all tests of grammars."""

from __future__ import annotations

import pytest

from tests.engine.inference.grammars.drawing import Reader


@pytest.fixture(scope="package")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return Reader(tmp_path_factory.mktemp("vocabulary"))
