"""A real JupyterLab, and a notebook in it as a data scientist sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import nbformat
from playwright.sync_api import Page

from tests.app.live_server import ROOT, free_port, wait_for
from tests.ui.conftest import Diary

START_S = 60.0
CELLS_S = 90.0
"""The first use of the detector on a machine compiles it."""
EXAMPLES = ROOT / "docs" / "notebooks"
NO_NEWS = ["--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]


class JupyterLab:
    """JupyterLab as a process of its own, with nobody's settings."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder / "notebooks"
        self.folder.mkdir(parents=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        own = {name: str(folder / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
        settings = folder / "jupyter_config_dir" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        (settings / "notification.jupyterlab-settings").write_text(json.dumps({"fetchNews": "false"}))
        self._environment = {**os.environ, **own, "PYTHONPATH": str(ROOT), **environment}
        self._log = folder / "jupyter.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", *NO_NEWS]
        command += [f"--ServerApp.root_dir={self.folder}", f"--ServerApp.port={self.port}", "--ServerApp.ip=127.0.0.1"]
        command += [
            "--IdentityProvider.token=",
            "--ServerApp.disable_check_xsrf=True",
            "--LabApp.extension_manager=readonly",
        ]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=self.folder, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_for(self._is_up, START_S, "JupyterLab to answer")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def open(self, page: Page, name: str, cells: Sequence[str] | None = None) -> Notebook:
        """Open a notebook of these cells, or one of the examples."""
        if cells is None:
            made = nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)
        else:
            kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
            made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata=kernel)
        nbformat.write(made, self.folder / f"{name}.ipynb")
        page.goto(f"{self.url}/lab/tree/{name}.ipynb?reset")
        return Notebook(page)

    def end_kernels(self) -> None:
        """Shut down what runs, as a person does from the list of kernels."""
        with urllib.request.urlopen(f"{self.url}/api/kernels", timeout=20) as answer:
            kernels = json.loads(answer.read())
        for kernel in kernels:
            request = urllib.request.Request(f"{self.url}/api/kernels/{kernel['id']}", method="DELETE")
            urllib.request.urlopen(request, timeout=20).close()

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "JupyterLab ended: " + self._log.read_text()[-2000:]
        return "Jupyter Server" in self._log.read_text() and "/lab" in self._log.read_text()


class Notebook(Diary):
    """A notebook in JupyterLab; its page has the probe."""

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        self.cells = page.locator(".jp-Notebook .jp-CodeCell")
        self.cells.first.wait_for(timeout=60_000)
        # Cells that are run before the kernel is there are forgotten.
        page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for(timeout=60_000)
        self.cells.first.click()
        page.keyboard.press("Escape")

    def menu(self, menu: str, item: str) -> None:
        """Choose something from a menu."""
        self.page.get_by_role("menuitem", name=menu, exact=True).click()
        self.page.locator(".lm-Menu-itemLabel").get_by_text(item, exact=True).click()

    def run_all(self) -> None:
        """Run all cells and wait until the last has run; fails with the first error."""
        self.menu("Run", "Run All Cells")
        self.wait(lambda: all(self._counts()) or self._error(), CELLS_S)
        assert not self._error(), self._error()

    def run(self, at: int) -> None:
        """Run one cell again."""
        before = self._counts()[at]
        self.cells.nth(at).locator(".jp-InputPrompt").click()
        self.page.keyboard.press("Control+Enter")
        self.wait(lambda: self._counts()[at] not in ("", before) or self._error(), CELLS_S)
        assert not self._error(), self._error()

    def restart_kernel(self) -> None:
        """Restart the kernel; the page and all outputs stay."""
        self.menu("Kernel", "Restart Kernel…")
        self.page.get_by_role("button", name="Confirm Kernel Restart").click()

    def output(self, at: int) -> str:
        """What a cell has put out, as text."""
        self.show(at)
        return self.cells.nth(at).locator(".jp-OutputArea-output").last.text_content() or ""

    def show(self, at: int) -> None:
        """Scroll to a cell."""
        self.cells.nth(at).scroll_into_view_if_needed()

    def traces(self) -> list[int]:
        """How far the trace of room 101, or of the only room, has come in each view, in samples."""
        return list(self.page.evaluate("probe.all('.bw').map((view) => view.breathwatch.trace(101)?.next ?? -1)"))

    def painted(self) -> list[float]:
        """For each view, in how much of its first canvas with a curve something is painted, 0 to 1."""
        return list(self.page.evaluate(PAINTED))

    def texts(self, selector: str) -> list[Any]:
        """Text of all that match, in shadow roots too."""
        return list(self.page.evaluate("(s) => probe.all(s).map((el) => el.textContent.trim())", selector))

    def click(self, selector: str) -> None:
        """Click the first that matches, in shadow roots too."""
        self.page.evaluate("(s) => probe.all(s)[0].click()", selector)

    def _counts(self) -> list[str]:
        prompts = self.page.locator(".jp-Notebook .jp-CodeCell .jp-InputArea-prompt").all_inner_texts()
        return [prompt.strip("[]: *\xa0") for prompt in prompts]

    def _error(self) -> str:
        return "\n".join(self.page.locator(".jp-RenderedText[data-mime-type*='error']").all_inner_texts())


PAINTED = """probe.all('.bw').map((view) => {
  const canvas = view.querySelector('.tile-stage canvas, .plot-stage canvas:nth-of-type(2)');
  if (!canvas || canvas.width < 2) return 0;
  const { middles } = probe.columns(canvas);
  return middles.filter((column) => column).length / middles.length;
})"""
