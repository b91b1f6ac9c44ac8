"""The texts of licences that go along with a release."""

from __future__ import annotations

from pathlib import Path

from engine.resources import resource
from engine.studies.release.licence_table import licence_named
from engine.studies.release.licences import ParentLicence, follow
from engine.studies.release.origins import Origins
from engine.studies.release.texts import LICENCE, licence_files


def parent(name: str, licence: str) -> ParentLicence:
    return ParentLicence(name, licence, licence_named(licence), "its model card")


def test_a_licence_that_ships_with_bakeoff_goes_along_where_no_text_lay_beside(tmp_path: Path) -> None:
    parents = [parent("one", "apache-2.0"), parent("two", "apache-2.0")]
    origins = Origins(licences=parents, folders={"one": tmp_path})
    whole = resource("licences", "Apache-2.0.txt")
    assert licence_files(origins, follow(parents, "x")) == {LICENCE: whole}
    mixed = [*parents, parent("three", "gemma")]
    assert licence_files(Origins(licences=mixed), follow(mixed, "x")) == {}
    (tmp_path / "LICENSE").write_text("Apache License\nVersion 2.0, January 2004\nours", encoding="utf-8")
    only = parents[:1]
    found = licence_files(Origins(licences=only, folders={"one": tmp_path}), follow(only, "x"))
    assert found[LICENCE] == tmp_path / "LICENSE"
