"""Rooms join and leave the wall without rebuilding the page: what others read goes on where it was."""

from __future__ import annotations

from collections.abc import Callable

from tests.ui.bedside import RATE_HZ, Bedside, Device
from tests.ui.conftest import Diary
from tests.ui.harness.panel_page import PanelServer

REMEMBER = """(rooms) => {
  window.kept = Object.fromEntries(probe.all('.tile').map((tile) => [tile.querySelector('.tile-room').textContent, {
    tile, canvas: tile.querySelector('canvas'), figure: tile.querySelector('.figure') }]));
  window.removedNodes = [];
  new MutationObserver((found) => {
    for (const { removedNodes } of found) window.removedNodes.push(...[...removedNodes].map((node) => node.nodeName));
  }).observe(probe.one('.bw'), { childList: true, subtree: true });
  window.blank = 0;
  window.seen = 0;
  // A message posted in a frame arrives when the frame has been painted: what is empty then was shown empty.
  const painted = new MessageChannel();
  painted.port1.onmessage = () => {
    window.seen += 1;
    for (const { canvas } of rooms.map((room) => window.kept[room])) {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      if (!data.some((value) => value)) window.blank += 1;
    }
  };
  (function frame() {
    painted.port2.postMessage(0);
    requestAnimationFrame(frame);
  })();
}"""
STILL_THERE = """(rooms) => rooms.every((room) => {
  const { tile, canvas, figure } = window.kept[room];
  return tile.isConnected && tile.querySelector('canvas') === canvas && tile.querySelector('.figure') === figure;
})"""


def test_the_other_tiles_stay_what_they_are(
    panel_server: PanelServer, bedside: Bedside, diary_page: Callable[..., Diary]
) -> None:
    """Issue: rooms join and leave without rebuilding the page. No node of others goes, no trace is ever blank."""
    for number in (101, 103):
        bedside.start(Device(panel_server.url, number, history=30 * RATE_HZ))
    wall = diary_page(f"{panel_server.url}/wall")
    wall.until(lambda seen: all(not seen["tiles"][room]["grey"] for room in ("101", "103")))
    wall.page.wait_for_timeout(500)
    wall.page.evaluate(REMEMBER, ["101", "103"])
    for number in (104, 102):
        bedside.start(Device(panel_server.url, number))
        wall.until(lambda seen, number=number: str(number) in seen["tiles"])
    wall.page.set_viewport_size({"width": 1366, "height": 768})
    wall.page.wait_for_timeout(500)
    assert list(wall.now["tiles"]) == ["101", "102", "103", "104"]
    assert wall.page.evaluate("window.removedNodes") == []

    assert panel_server.get("/ward?vacate=104")[0] == 200
    wall.until(lambda seen: list(seen["tiles"]) == ["101", "102", "103"])
    wall.page.wait_for_timeout(500)
    assert wall.page.evaluate("window.removedNodes") == ["ARTICLE"]
    assert wall.page.evaluate(STILL_THERE, ["101", "103"])
    assert wall.page.evaluate("window.seen") > 30
    assert wall.page.evaluate("window.blank") == 0
