"""A screen reader's way through the running window: every page by its entry, every control by its name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from desktop.shell.pages import PAGES
from engine.workspace import open_workspace
from tests.desktop.furnished import furnish
from tests.desktop.screen.accessible import Part, need, until
from tests.desktop.screen.conftest import Desk

#: Roles of what can be used, in the words of AT-SPI; each of them needs a name.
CONTROLS = frozenset({
    "push button", "button menu", "toggle button", "check box", "radio button", "combo box", "entry", "text",
    "password text", "spin box", "spin button", "slider", "table", "tree table", "list", "list box", "page tab",
    "progress bar", "link",
})  # fmt: skip


@pytest.fixture(scope="module")
def window(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Part]:
    """The running window on a workspace that holds something of everything."""
    folder = tmp_path_factory.mktemp("screen")
    workspace = open_workspace(folder / "workspace")
    furnish(workspace, folder)
    workspace.catalogue.close()
    with desk.bakeoff(workspace) as found:
        yield found


@pytest.fixture(scope="module")
def entries(window: Part) -> dict[str, Part]:
    """The lines of the sidebar, headings too."""
    lists = [need(window.find("list", name)) for name in ("Pages", "More pages")]
    lines = [one for shown in lists for one in shown.parts()]
    assert {one.role for one in lines} == {"list item"}
    return {one.name: one for one in lines}


@pytest.fixture(scope="module")
def pages(window: Part) -> Part:
    """Where one page at a time is shown."""
    return need(window.find("layered pane"))


def shown(pages: Part) -> Part:
    """The page on the screen."""
    (found,) = [one for one in pages.parts() if one.showing]
    return found


def go(entries: dict[str, Part], pages: Part, title: str) -> Part:
    """Press an entry of the sidebar; returns the page."""
    entries[title].press()
    return until(lambda: found if (found := shown(pages)).name == title else None)  # type: ignore[no-any-return]


def test_every_page_is_reached_and_pressed(entries: dict[str, Part], pages: Part) -> None:
    titles = [one.title for one in PAGES]
    assert shown(pages).name == titles[0]
    seen = set()
    for title in [*titles[1:], titles[0]]:
        assert shown(pages).name != title
        heading = need(go(entries, pages, title).find("label")).name
        assert heading
        seen.add(heading)
        assert [name for name, line in entries.items() if line.selected] == [title]
    assert len(seen) == len(titles) == 12


def test_a_heading_between_the_entries_leads_nowhere(entries: dict[str, Part], pages: Part) -> None:
    go(entries, pages, "Train")
    entries["Judge"].press()
    assert shown(pages).name == "Train"
    assert [name for name, line in entries.items() if line.selected] == ["Train"]


def test_every_control_of_every_page_has_a_name(entries: dict[str, Part], pages: Part) -> None:
    nameless, named = [], 0
    for page in PAGES:
        go(entries, pages, page.title)
        for part in until(lambda: settled(shown(pages))):
            if part.role in CONTROLS:
                named += 1
                if not part.label.strip():
                    nameless.append(f"{page.title}: {part.role} '{part.name}' at {part.place}")
    assert named > 100
    assert nameless == []


def test_nothing_has_gone_wrong_meanwhile(desk: Desk, window: Part) -> None:
    assert [one.name for one in desk.bus.windows() if one.showing] == [window.name]


def settled(page: Part) -> list[Part] | None:
    """All that the page shows, once it has shown the same twice."""
    first = list(page.everything())
    return first if len(first) > 5 and len(list(page.everything())) == len(first) else None
