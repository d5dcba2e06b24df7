"""F43 in JupyterLab, with nothing beyond this machine reachable: the same views, live, played and looked through.

Each of the notebooks of the docs is run here as a person runs it, in a real JupyterLab in a real browser; a console
error, or a request to any other host, fails the test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.app.live_server import LiveServer
from tests.ui.bedside import RATE_HZ, Bedside, Device
from tests.ui.conftest import PAYLOADS, PROBE, admit
from tests.ui.jupyter import JupyterLab, Notebook

CONNECT = "from monitor_app import RoomView, Wall, connect\nlab = connect()"
NIGHT = (
    "from cpap_core.simulate import SimulatedPatient, record\n"
    "from monitor_app import RoomView\n"
    "patient = SimulatedPatient(seed=7, pressure_cmh2o=7, critical_pressure_cmh2o=9.5, first_event_s=60)\n"
    "night = record(patient, 600, start_time=1_767_222_000, name={name!r})"
)
LONGEST_S = 240

pytestmark = pytest.mark.timeout(LONGEST_S)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server with a patient in 101, whose device is on, and others whose names are scripts."""
    data = tmp_path_factory.mktemp("lab") / "data"
    scripts = [(102 + at, 204_102 + at, payload) for at, payload in enumerate(PAYLOADS)]
    admit(data, (101, 204_101, "Abara, Ada"), *scripts)
    with LiveServer(data, MONITOR_LAB_NAME=f"Lab {PAYLOADS[0]}") as server, Bedside() as devices:
        devices.start(Device(server.url, 101, history=60 * RATE_HZ))
        devices.start(Device(server.url, 102, history=40 * RATE_HZ, name=PAYLOADS[1], stream=PAYLOADS[2]))
        yield server


@pytest.fixture(scope="module")
def jupyter(lab: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterLab]:
    """JupyterLab, whose kernels know where the server is."""
    with JupyterLab(tmp_path_factory.mktemp("jupyter"), MONITOR_URL=lab.url) as running:
        yield running


@pytest.fixture
def lab_page(page: Page, jupyter: JupyterLab) -> Iterator[Page]:
    """A page that can be looked into; its kernels end with the test."""
    page.add_init_script(PROBE)
    yield page
    page.goto("about:blank")
    jupyter.end_kernels()


def sessions(lab: LiveServer) -> dict[str, int]:
    """How many sessions the server counts, by page."""
    counted = re.findall(r'sessions{page="(/room|/wall)"} (\d+)', lab.get("/metrics")[1].decode())
    return {page: int(n) for page, n in counted}


def moves(notebook: Notebook, at: int, *, by: int) -> None:
    """Fail unless a view's trace goes on by so many samples."""
    before = notebook.wait(lambda: max(0, notebook.traces()[at]), 10)
    notebook.wait(lambda: notebook.traces()[at] >= before + by, 10)


@pytest.mark.holds("F43.1", "F43.2")
def test_a_live_room_and_the_wall_draw_and_move(lab: LiveServer, jupyter: JupyterLab, lab_page: Page) -> None:
    notebook = jupyter.open(lab_page, "live_room")
    notebook.run_all()
    assert "Abara, Ada" in notebook.output(0)
    notebook.wait(lambda: len(notebook.texts(".live-pill")) == 2, 10)
    notebook.wait(lambda: all(pill.startswith("Live") for pill in notebook.texts(".live-pill")), 10)
    assert notebook.texts(".room .room-name") == ["Abara, Ada"]
    assert notebook.texts(".tile .tile-room") == ["101", "102", "103", "104", "105"]
    notebook.wait(lambda: notebook.texts(".room .numbers .figure")[0] == "15", 10)
    for at in range(2):
        moves(notebook, at, by=3 * RATE_HZ)
    notebook.wait(lambda: min(notebook.painted()) > 0.8, 10)
    assert sessions(lab) == {"/room": 1, "/wall": 1}
    assert notebook.page.evaluate("probe.all('.command').length") == 0, "it shows, and commands nothing"
    links = notebook.page.evaluate("probe.all('.bw a').map((a) => [a.href, a.target])")
    assert [f"{lab.url}/room?room=101", "_blank"] in links


@pytest.mark.holds("F43.2")
def test_a_cell_that_runs_again_leaves_no_second_stream(lab: LiveServer, jupyter: JupyterLab, lab_page: Page) -> None:
    notebook = jupyter.open(lab_page, "again", [CONNECT, "view = RoomView(lab, 101)\nview"])
    notebook.run_all()
    for _ in range(2):
        notebook.wait(lambda: notebook.texts(".live-pill")[:1] and notebook.texts(".live-pill")[0][:4] == "Live", 10)
        moves(notebook, 0, by=RATE_HZ)
        notebook.wait(lambda: sessions(lab)["/room"] == 1, 10)
        notebook.run(1)
    notebook.wait(lambda: len(notebook.texts(".room")) == 1, 10)
    moves(notebook, 0, by=RATE_HZ)
    notebook.wait(lambda: sessions(lab)["/room"] == 1, 10)

    notebook.restart_kernel()
    notebook.wait(lambda: sessions(lab)["/room"] == 0, 15)
    notebook.wait(lambda: "Nothing new since" in " ".join(notebook.texts(".page-band")), 15)
    assert notebook.page.evaluate("probe.one('.room').classList.contains('old')"), "what moves no more looks so"


@pytest.mark.holds("F43.3", "F42.2")
def test_a_recording_that_is_played_moves_and_is_not_live(jupyter: JupyterLab, lab_page: Page) -> None:
    notebook = jupyter.open(lab_page, "replayed_file")
    notebook.run_all()
    notebook.wait(lambda: notebook.texts(".live-pill") == ["Recorded, played 10×"], 20)
    moves(notebook, 0, by=20 * RATE_HZ)
    notebook.wait(lambda: notebook.painted()[0] > 0.8, 10)
    assert notebook.texts(".room-name") == ["Simulated patient"]
    assert notebook.texts(".pill[data-kind='live']") == []
    notebook.wait(lambda: notebook.texts(".numbers .figure")[0] not in ("--", ""), 20)
    notebook.click(".transport-play")
    notebook.wait(lambda: notebook.texts(".live-pill") == ["Recorded"], 10)
    stands = notebook.traces()
    notebook.page.wait_for_timeout(2500)
    assert notebook.traces() == stands
    assert notebook.texts(".room.old") == [], "it has no age that could grow"


@pytest.mark.holds("F43.4", "F42.2")
def test_a_stored_recording_is_looked_through(lab: LiveServer, jupyter: JupyterLab, lab_page: Page) -> None:
    notebook = jupyter.open(lab_page, "stored_recording")
    notebook.run_all()
    notebook.wait(lambda: notebook.texts(".live-pill") == ["Recorded"], 20)
    assert notebook.texts(".bar-title") == ["Room 101"]
    assert "MRN 204101" in notebook.texts(".room-meta")[0]
    assert notebook.painted()[0] > 0.9
    assert notebook.texts(".transport-position")[0].startswith("0:00:30 of 0:0")
    assert notebook.texts(".numbers .figure")[0] == "15"
    assert "expiratory_time_s" in notebook.output(2)
    assert "flow_lpm" in notebook.output(4)
    shown = notebook.traces()
    notebook.page.evaluate("probe.one('.transport button:nth-of-type(4)').click()")
    notebook.wait(lambda: notebook.traces()[0] == shown[0] + 30 * RATE_HZ, 10)
    assert sessions(lab) == {"/room": 0, "/wall": 0}, "what is stored needs no session"


@pytest.mark.holds("F43.4")
def test_one_goes_from_event_to_event(jupyter: JupyterLab, lab_page: Page) -> None:
    show = NIGHT.format(name="night") + "\nRoomView(night)"
    second = "found = analyze(night)\none_of_each([*found.apneas, *found.events])[1]"
    imports = "from cpap_core import analyze\nfrom cpap_core.shown import one_of_each\n"
    notebook = jupyter.open(lab_page, "events", [show, imports + second])
    notebook.run_all()
    notebook.wait(lambda: notebook.texts(".live-pill") == ["Recorded"], 20)
    (onset_s,) = re.findall(r"onset_s=([\d.]+)", notebook.output(1))
    listed = notebook.texts(".event-button")
    assert len(listed) > 3
    assert all("apnea" in row.lower() or "hypopnea" in row.lower() for row in listed)
    for _ in range(2):
        notebook.click(".transport button[title='Next event']")
        notebook.page.wait_for_timeout(500)
    at = round(float(onset_s) + 5)
    notebook.wait(lambda: notebook.page.evaluate("probe.one('.transport-slider').value") in (str(at), str(at - 1)), 10)
    shown = notebook.traces()
    notebook.page.evaluate("probe.all('.event-button')[0].click()")
    notebook.wait(lambda: notebook.traces() < shown, 10)


@pytest.mark.holds("F13.1", "F43.2")
def test_nothing_that_was_typed_runs_in_a_notebook(lab: LiveServer, jupyter: JupyterLab, lab_page: Page) -> None:
    stored = "lab.recordings(room=102)"
    night = NIGHT.format(name=PAYLOADS[0])
    cells = [CONNECT, "lab", "lab.rooms()", stored, f"{stored}[0]", "Wall(lab)", "RoomView(lab, 102)"]
    notebook = jupyter.open(lab_page, "hostile", [*cells, f"RoomView({stored}[0])", f"{night}\nRoomView(night)"])
    notebook.run_all()
    notebook.wait(lambda: len(notebook.texts(".bw")) == 4, 20)
    for at in range(len(cells) + 2):
        notebook.show(at)
        notebook.page.wait_for_timeout(200)
    assert notebook.texts(".tile-name")[1:] == PAYLOADS
    assert PAYLOADS[0] in notebook.texts(".room-name")
    assert PAYLOADS[1] in " ".join(notebook.texts(".room-meta"))
    assert PAYLOADS[0] in notebook.output(2)
    assert notebook.page.evaluate("window.owned") is None
    assert (
        notebook.page.evaluate("probe.all('.jp-OutputArea img[src=x], .jp-OutputArea svg[onload], .bw img').length")
        == 0
    )


@pytest.mark.holds("F43.4")
def test_the_detector_under_other_rules(jupyter: JupyterLab, lab_page: Page) -> None:
    notebook = jupyter.open(lab_page, "other_rules")
    notebook.run_all()
    ours, others, *_ = map(int, re.findall(r"\d+", notebook.output(1)))
    assert ours > others > 0
    assert int(re.findall(r"\d+", notebook.output(2))[0]) > 0
    notebook.show(3)
    notebook.wait(lambda: notebook.page.evaluate("probe.all('canvas.bk-layer').length"), 10)
