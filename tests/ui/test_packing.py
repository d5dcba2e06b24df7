"""The page reads samples as the server writes them: the script's `unpack` against its twin in Python."""

from __future__ import annotations

import json

import numpy as np
from playwright.sync_api import Page

from monitor_app.push.packing import LIMIT, pack, unpack
from tests.app.live_server import LiveServer


def test_the_page_reads_what_was_written(ward: LiveServer, page: Page) -> None:
    """Breathing, wild jumps, gaps and the bounds themselves."""
    random = np.random.default_rng(3)
    series = [random.normal(0, spread, n) for spread in (1, 4, 60, 9000) for n in (0, 1, 3, 20, 750)]
    for values in series[5:]:
        values[random.random(len(values)) < 0.1] = np.nan
    series.append(np.array([1e30, -1e30, 0.0, np.inf, LIMIT / 10, -LIMIT / 10]))
    texts = [pack(values, 10.0) for values in series]
    page.goto(f"{ward.url}/liveness")
    read = page.evaluate(
        """async (texts) => {
            const { unpack } = await import("/assets/live.js");
            return JSON.stringify(texts.map((text) => unpack(text).map((value) => (value === value ? value : null))));
        }""",
        texts,
    )
    assert json.loads(read) == [unpack(text) for text in texts]
