"""A command is done once, however often and however close together it is sent."""

from __future__ import annotations

import asyncio

import pytest

from monitor_app.api.once import Once
from monitor_app.api.problems import Problem


def test_two_at_the_same_moment_are_one() -> None:
    async def story() -> None:
        once: Once[int] = Once()
        done: list[int] = []

        async def do() -> int:
            await asyncio.sleep(0.01)
            done.append(1)
            return len(done)

        assert await asyncio.gather(*(once.run("k", b"x", do) for _ in range(5))) == [1] * 5
        assert await once.run("k", b"x", do) == 1
        with pytest.raises(Problem, match="use a new key"):
            await once.run("k", b"y", do)
        assert await once.run("l", b"x", do) == 2

    asyncio.run(story())


def test_what_failed_was_not_done_and_is_tried_anew() -> None:
    """By those who waited for it, too."""

    async def story() -> None:
        once: Once[str] = Once()
        tried: list[int] = []

        async def do() -> str:
            await asyncio.sleep(0.01)
            tried.append(1)
            if len(tried) == 1:
                raise OSError("the disk")
            return "done"

        first, second = await asyncio.gather(*(once.run("k", b"x", do) for _ in range(2)), return_exceptions=True)
        assert isinstance(first, OSError)
        assert second == "done"
        assert await once.run("k", b"x", do) == "done"
        assert len(tried) == 2

    asyncio.run(story())


def test_only_the_newest_keys_are_kept() -> None:
    async def story() -> None:
        once: Once[int] = Once(kept=2)
        done: list[int] = []

        async def do() -> int:
            done.append(1)
            return len(done)

        answers = [await once.run(key, b"", do) for key in ("a", "b", "c", "c", "b", "a")]
        assert answers == [1, 2, 3, 3, 2, 4]

    asyncio.run(story())
