"""The admission form as a person uses it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.app.live_server import ROOT, LiveServer

RECORDINGS = ROOT / "assets" / "recordings"
LABELS = {
    "name": "Patient name",
    "mrn": "MRN",
    "room": "Room number",
    "pressure": "CPAP pressure",
    "born": "Date of birth",
}


class EntryPage:
    """One person's `/entry`."""

    def __init__(self, page: Page, server: LiveServer) -> None:
        self.page = page
        page.goto(f"{server.url}/entry")
        self.wait_until_connected()

    def wait_until_connected(self) -> None:
        """The server has given what the form needs: then the samples are there."""
        expect(self.page.get_by_label("Sample recordings").locator("option")).to_have_count(5, timeout=15_000)

    def field(self, name: str) -> Locator:
        """A field by its short name."""
        return self.page.get_by_label(LABELS[name])

    def fill(self, **texts: str) -> None:
        """Type into fields."""
        for name, text in texts.items():
            self.field(name).fill(text)

    def values(self) -> dict[str, str]:
        """What stands in all fields."""
        return {name: self.field(name).input_value() for name in LABELS}

    def send(self) -> None:
        """Press the one button."""
        self.page.locator(".entry-form button.primary").click()

    def reset(self) -> None:
        """Press the other one."""
        self.page.get_by_role("button", name="Reset").click()

    def error(self, name: str) -> Locator:
        """What is wrong with a field, beside it."""
        return self.page.locator(".entry-field", has=self.field(name)).get_by_role("alert")

    @property
    def outcome(self) -> Locator:
        """What became of what was sent."""
        return self.page.locator(".entry-outcome p").first

    @property
    def status(self) -> Locator:
        """What becomes of the recording."""
        return self.page.locator(".entry-status")

    def card(self, key: str) -> Locator:
        """A number of the result."""
        return self.page.locator(f".entry-card.is-{key}")

    def choose(self, *files: Path | dict[str, object]) -> None:
        """Choose a recording of this computer."""
        self.page.locator("input[type=file]").set_input_files(list(files))  # type: ignore[arg-type]

    def sample(self, key: str) -> None:
        """Choose a sample recording, and wait for it."""
        self.page.get_by_label("Sample recordings").select_option(key)
        expect(self.status).to_have_text(f"✓ {key}.txt")

    def ink(self) -> int:
        """How many pixels of the flow's colour the plot has."""
        return int(
            self.page.locator(".flow-stage canvas").evaluate(
                """(canvas) => {
                  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
                  let green = 0;
                  for (let at = 0; at < data.length; at += 4) green += data[at + 1] > 180 && data[at] < 150;
                  return green;
                }"""
            )
        )
