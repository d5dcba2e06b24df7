"""The example of docs/device-protocol.md does what the page says: it streams, obeys, and resumes without loss."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import numpy as np

from tests.app.contract_server import ContractServer, contract_server

PAGE = Path(__file__).resolve().parents[1] / "docs" / "device-protocol.md"


async def samples(server: ContractServer, at_least: int) -> np.ndarray:
    async with asyncio.timeout(20):
        while not any(count >= at_least for count in server.next_sample.values()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    (stream,) = server.stored
    return server.values(stream)


def test_the_example_streams_obeys_and_resumes(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    example = tmp_path / "device.py"
    example.write_text(code)

    async def scenario() -> None:
        async with contract_server() as server:
            url = f"ws://127.0.0.1:{server.port}/lab/ingest/rooms/101"
            device = await asyncio.create_subprocess_exec(sys.executable, example, url)
            try:
                before = await samples(server, 10)
                assert np.ptp(before[:, 0]) > 1
                server.tell({"type": "set_pressure", "command_id": "c1", "pressure_cmh2o": 12})
                await samples(server, len(before) + 10)
                assert server.answers == [{"type": "applied", "command_id": "c1", "pressure_cmh2o": 12}]
                server.kill_connections()
                after = await samples(server, len(before) + 30)
                assert not np.isnan(after).any()
                assert after[-1, 1] == 12
                assert (len(server.hellos), server.duplicates) == (2, 0)
                assert server.hellos[0] == server.hellos[1]
            finally:
                device.kill()
                await device.wait()

    asyncio.run(scenario())
