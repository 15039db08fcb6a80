"""Requests that send a password take turns; one that waits too long is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from api.refusals import TooManySignIns
from api.turns import Turns


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run it in a thread of its own: this one may have the event loop of a browser's test."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()


@pytest.mark.case("service", 6)
def test_no_more_than_the_places_are_inside_and_the_others_follow_in_their_order() -> None:
    inside: list[int] = []
    order: list[int] = []

    async def ask(turns: Turns, number: int) -> None:
        async with turns.take():
            inside.append(number)
            order.append(number)
            assert len(inside) <= 2
            await asyncio.sleep(0)
            inside.remove(number)

    async def ask_all() -> None:
        turns = Turns(places=2, longest=60)
        await asyncio.gather(*(ask(turns, number) for number in range(20)))

    _run(ask_all())
    assert order == list(range(20))


@pytest.mark.case("service", 6)
def test_who_waits_too_long_is_refused_and_takes_no_place() -> None:
    async def ask() -> None:
        turns = Turns(places=1, longest=0.01)
        async with turns.take():
            for _ in range(3):
                with pytest.raises(TooManySignIns, match="Wait a few seconds"):
                    async with turns.take():
                        pass
        async with turns.take():
            pass

    _run(ask())
