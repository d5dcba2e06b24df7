"""A page mends its connection by itself and without a reload: no sample missing, none twice, no storm (F42)."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from functools import partial

from playwright.sync_api import Page, Route

from tests.app.live_server import LiveServer
from tests.app.troubled_server import TroubledServer
from tests.conftest import PageFaults
from tests.ui.bedside import RATE_HZ, Bedside, Device
from tests.ui.conftest import PROBE, Diary
from tests.ui.loss import MARK, heal, holds_what_was_sent, live, signed_breaths
from tests.ui.proxy import Proxy
from tests.ui.test_loss import two_pages

RESUMES_WITHIN_S = 2.0
HISTORY = 15 * RATE_HZ


def behind(network: Proxy, server: TroubledServer) -> None:
    """Put a network before a server."""
    network.to_port = server.port


def holds(diary: Diary, until: int) -> bool:
    """Whether the page holds room 101's samples up to an index, and nothing that was not sent."""
    return holds_what_was_sent(diary, 101, least=1) > until


def through(network: Proxy) -> dict[str, str]:
    """The setting that lets pages come by a network."""
    return {"MONITOR_ALLOWED_ORIGINS": f"127.0.0.1:{network.port}"}


def test_data_resume_within_2_s_of_a_dropped_socket(
    troubled: Callable[..., TroubledServer], network: Proxy, bedside: Bedside, diary_page: Callable[..., Diary]
) -> None:
    """Token expired or not: new samples by 2 s; those before, during and after the gap are the device's, each once."""
    server = troubled(TROUBLE_TOKEN_EXPIRES_S="3", **through(network))
    behind(network, server)
    device = bedside.start(Device(server.url, 101, signal=signed_breaths, history=HISTORY))
    pages = two_pages(network.url, diary_page)
    pages[0].page.wait_for_timeout(3000)
    for _ in range(3):
        wanted = device.sent + RATE_HZ // 2
        dropped_at = time.monotonic()
        network.drop()
        for diary in pages:
            diary.wait(partial(holds, diary, wanted), 5)
            assert time.monotonic() - dropped_at < RESUMES_WITHIN_S
        heal(pages)
    pages[0].page.wait_for_timeout(1000)
    for diary in pages:
        holds_what_was_sent(diary, 101, least=HISTORY + 4 * RATE_HZ)
        assert diary.page.evaluate("Bokeh.documents.length") <= 2, "old sessions' documents are kept"


def test_an_outage_of_10_s_and_a_restart(
    a_server: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary]
) -> None:
    """Nothing is loaded while nobody answers; what came meanwhile is filled in from the disk and the device."""
    a_server.start()
    bedside.start(Device(a_server.url, 101, signal=signed_breaths, history=HISTORY))
    pages = two_pages(a_server.url, diary_page)
    before = [holds_what_was_sent(diary, 101, least=HISTORY) for diary in pages]
    a_server.signal(signal.SIGKILL)
    time.sleep(10)
    a_server.start()
    heal(pages)
    for diary, known in zip(pages, before, strict=True):
        diary.wait(partial(holds, diary, known + 8 * RATE_HZ), 10)
        held = diary.page.evaluate("probe.samples(101)")
        assert held["first"] < known, "what was seen before the restart is gone"


def test_a_first_connection_that_never_came(
    troubled: Callable[..., TroubledServer], network: Proxy, bedside: Bedside, diary_page: Callable[..., Diary]
) -> None:
    """The page stands, says that it is connecting and that nobody answers, shows no number, and goes live by itself."""
    server = troubled(**through(network))
    behind(network, server)
    bedside.start(Device(server.url, 101, history=HISTORY))
    network.refuses_sockets = True
    pages = [diary_page(f"{network.url}/wall"), diary_page(f"{network.url}/room?room=101")]
    for diary in pages:
        diary.page.evaluate(MARK)
        seen = diary.until(lambda seen: any("Server does not answer" in band for band in seen["bands"]))
        assert seen["pill"] == "Connecting"
        assert all(figure == "--" for figure in seen["figures"])
        assert "Connecting" in (diary.page.locator(".connecting, .note").first.text_content() or "")
    network.refuses_sockets = False
    heal(pages)


def test_the_view_stands_before_the_connection(
    ward: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary]
) -> None:
    """Something to see before BokehJS has run: within 0.4 s of the navigation; live within 1 s on a quiet machine."""
    bedside.start(Device(ward.url, 296, history=HISTORY))
    for path in ("/wall", "/room?room=296"):
        diary = diary_page(f"{ward.url}{path}")
        live_at = diary.first(live)
        began_at, first = next((at, seen) for at, seen in diary.entries if seen["pill"])
        assert first["pill"] == "Connecting"
        assert began_at < live_at


def test_loaded_anew_only_where_that_is_right(
    troubled: Callable[..., TroubledServer],
    bedside: Bedside,
    diary_page: Callable[..., Diary],
    page_faults: PageFaults,
) -> None:
    """A server with another script: its page takes the place of ours. A proxy's page, failing or not: wait."""
    page_faults.expect("status of 502")
    server = troubled()
    bedside.start(Device(server.url, 101, history=HISTORY))
    diaries = [diary_page(f"{server.url}/wall"), diary_page(f"{server.url}/room?room=101")]
    for diary in diaries:
        diary.until(live)
    asked: list[str] = []
    answers = [(502, "<title>Bad gateway</title>"), (200, "<!doctype html><title>Down for maintenance</title>")]

    def fails(route: Route) -> None:
        status, body = answers[len(asked) % 2]
        asked.append(route.request.url)
        route.fulfill(status=status, content_type="text/html", body=body)

    for diary in diaries:
        diary.page.route("**/*resume=1", fails)
    server.stop()
    server.environment["TROUBLE_VERSION"] = "newer"
    server.start()
    diaries[0].wait(lambda: len(asked) >= 8, 20)
    for diary in diaries:
        assert "maintenance" not in diary.page.title()
        diary.page.unroute("**/*resume=1")
        # Whoever would fetch once more now, as a reload does, would stand before the error for good.
        diary.page.route(lambda url: "resume" not in url and "/assets/" not in url and "/static/" not in url, fails)
    for diary in diaries:
        diary.wait(partial(is_version, diary, "newer"), 10)
        diary.until(live)
        assert diary.page.evaluate("probe.all('.bw').length") == 1, "what was there before has gone"


def is_version(diary: Diary, version: str) -> bool:
    """Whether a page of that version stands."""
    found = diary.page.evaluate("document.querySelector('[data-breathwatch]')?.dataset.version")
    return bool(found == version)


def test_a_script_that_did_not_come_is_asked_for_again(
    ward: LiveServer, bedside: Bedside, new_page: Callable[..., Page], page_faults: PageFaults
) -> None:
    """The server failed between the page and its script: the page asks for the whole of it until it stands."""
    page_faults.expect("status of 502")
    bedside.start(Device(ward.url, 297, history=HISTORY))
    page = new_page()
    page.add_init_script(PROBE)
    page.route("**/assets/live.js*", lambda route: route.fulfill(status=502, body="Bad gateway"))
    page.goto(f"{ward.url}/wall")
    page.wait_for_timeout(1000)
    page.unroute("**/assets/live.js*")
    Diary(page).until(live, within_s=14)


def test_a_script_that_stalls_is_loaded_anew(
    ward: LiveServer, bedside: Bedside, new_page: Callable[..., Page], page_faults: PageFaults
) -> None:
    """BokehJS' load stalled, without an error: the page says that nobody answers, asks anew, and goes live."""
    bedside.start(Device(ward.url, 299, history=HISTORY))
    page = new_page()
    page.add_init_script(PROBE)
    held: list[Route] = []  # nobody answers them
    page.route(lambda url: "bokeh.min.js" in url and "again=" not in url, lambda route: held.append(route))
    page.goto(f"{ward.url}/wall", wait_until="commit")
    diary = Diary(page)
    diary.until(lambda seen: any("Server does not answer" in band for band in seen["bands"]))
    diary.until(live, within_s=25)
    assert held


def test_a_push_that_is_missing_brings_a_snapshot(
    ward: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary]
) -> None:
    """What a lost push said, such as an alarm or a room that went, only a snapshot can tell."""
    bedside.start(Device(ward.url, 298, history=HISTORY))
    diary = diary_page(f"{ward.url}/wall")
    diary.until(live)
    kinds = diary.page.evaluate(
        """() => new Promise((done) => {
            const roots = Bokeh.documents.flatMap((doc) => doc.roots());
            const source = roots.find(({ name }) => name === "breathwatch-live");
            const kinds = [];
            source.properties.data.change.connect(() => {
                const column = (name) => (source.data instanceof Map ? source.data.get(name) : source.data[name]);
                kinds.push(column("kind")[0]);
                if (kinds.at(-1) === "snapshot" || kinds.length > 30) done(kinds);
            });
            const entries = source.data instanceof Map ? [...source.data] : Object.entries(source.data);
            const skipped = new Map(entries.map(([name, [value]]) => [name, [name === "pulse" ? value + 7 : value]]));
            source.setv({ data: skipped }, { sync: false });
        })"""
    )
    assert kinds[-1] == "snapshot"


def test_attempts_are_spread(ward: LiveServer, diary_page: Callable[..., Diary]) -> None:
    """200 browsers do not come at once: first after 0.05 to 0.8 s, then after longer, from the fourth on 1 to 4 s."""
    diary = diary_page(f"{ward.url}/wall")
    drawn = diary.page.evaluate(
        """async () => {
            const { waitBefore } = await import(document.querySelector("script[type=module]").src);
            return [0, 1, 2, 3, 4, 1000].map((attempt) => Array.from({ length: 200 }, () => waitBefore(attempt)));
        }"""
    )
    bounds = [(50, 800), (250, 1000), (500, 2000), (1000, 4000), (1000, 4000), (1000, 4000)]
    for waits, (least, most) in zip(drawn, bounds, strict=True):
        assert least <= min(waits) < least + 0.1 * (most - least)
        assert most - 0.1 * (most - least) < max(waits) <= most
        tenths = [int(10 * (wait - least) / (most - least)) for wait in waits]
        assert max(tenths.count(tenth) for tenth in range(10)) < 45, "most come at the same time"


def test_a_refused_command_while_the_socket_is_gone(
    troubled: Callable[..., TroubledServer], network: Proxy, bedside: Bedside, diary_page: Callable[..., Diary]
) -> None:
    """What is sent in the moment without a connection is not lost in silence; after it the same page commands again."""
    server = troubled(**through(network))
    behind(network, server)
    device = bedside.start(Device(server.url, 101, history=HISTORY))
    diary = diary_page(f"{network.url}/room?room=101")
    diary.until(live)
    diary.page.evaluate(MARK)
    network.shut()
    diary.page.get_by_label("Set pressure").fill("9")
    diary.page.get_by_role("button", name="Send to room").click()
    seen = diary.until(lambda seen: "Not sent" in seen["fate"] or diary.page.locator(".field-error").is_visible())
    assert "Not sent: The server is lost" in seen["fate"] or "lost" in diary.page.locator(".field-error").inner_text()
    network.open()
    diary.wait(lambda: network.sockets == 2, 8)
    heal([diary])
    diary.page.get_by_label("Set pressure").fill("11")
    diary.page.get_by_role("button", name="Send to room").click()
    diary.until(lambda seen: seen["fate"].startswith("✓ Applied: 11"))
    assert device.applied_at is not None
