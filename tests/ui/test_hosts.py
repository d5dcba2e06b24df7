"""F43: the same views wherever they are put: on their own pages, and inside any Panel page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import PageFaults
from tests.ui.bedside import RATE_HZ, Bedside, Device
from tests.ui.conftest import SERVER_GONE, Diary
from tests.ui.harness.panel_page import PanelServer

ROOMS = (101, 102, 103)
WALLS = 2


def shown(tile: dict[str, Any]) -> tuple[Any, ...]:
    """What a tile says of its room."""
    return (tile["name"], tile["pressure"], tile["figures"], tile["total"], tile["grey"], tile["band"])


@pytest.mark.holds("F43.1")
def test_views_in_a_panel_page_show_what_the_wall_shows(
    panel_server: PanelServer, bedside: Bedside, diary_page: Callable[..., Diary], page_faults: PageFaults
) -> None:
    page_faults.expect(SERVER_GONE)
    page_faults.expect("Could not open websocket|not connected so cannot send")
    devices = [bedside.start(Device(panel_server.url, room, history=30 * RATE_HZ)) for room in ROOMS]
    wall = diary_page(f"{panel_server.url}/wall")
    panel = diary_page(f"{panel_server.url}/ward")
    for diary in (wall, panel):
        diary.until(lambda seen: seen["pill"].startswith("Live") and len(seen["tiles"]) == len(ROOMS), 20)
    assert panel.page.get_by_text("Somebody else's page").is_visible()
    assert panel.page.evaluate("probe.all('.wall').length") == WALLS
    assert panel.page.evaluate("probe.all('.tile').length") == WALLS * len(ROOMS)

    def same() -> bool:
        one, other = wall.now["tiles"], panel.now["tiles"]
        return {room: shown(tile) for room, tile in one.items()} == {room: shown(tile) for room, tile in other.items()}

    wall.wait(same, 5)
    assert panel.now["tiles"]["101"]["figures"][0] != "--"
    assert panel.page.evaluate("probe.all('.room').length") == 1
    wall.wait(lambda: numbers_of_the_room(panel)[0] == wall.now["tiles"]["103"]["figures"][0] != "--", 5)
    assert panel.page.evaluate("probe.all('.command').length") == 0, "it shows, and commands nothing"
    assert painted(panel) == painted(wall) == {"101": True, "102": True, "103": True}

    devices[1].silence()
    panel.until(lambda seen: seen["tiles"]["102"]["grey"] and seen["tiles"]["102"]["figures"][0] == "--")
    assert not panel.now["tiles"]["101"]["grey"]
    wall.wait(same, 5)

    panel_server.stop()
    panel.until(lambda seen: seen["grey"] and seen["bands"] and "Server lost" in seen["bands"][0], 8)


def numbers_of_the_room(diary: Diary) -> list[str]:
    """What the view of one room shows: the rate first, as a tile does."""
    return list(diary.page.evaluate("probe.all('.room .numbers .figure').map((figure) => figure.textContent)"))


def painted(diary: Diary) -> dict[str, bool]:
    """By room, whether something is drawn."""
    return dict(
        diary.page.evaluate(
            """Object.fromEntries(probe.all('.tile').map((tile) => [
                 tile.querySelector('.tile-room').textContent,
                 probe.columns(tile.querySelector('canvas')).middles.filter((column) => column).length > 50,
               ]))"""
        )
    )
