"""Reviewers as cheap clients: one connection each, a card and a decision about every two seconds.

They run in one event loop on raw connections, since they share the processor with the server.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from benchmarks.load_store import SLUG, Prepared

T = TypeVar("T")

# Seconds from one decision to the next: between these shares of the pace.
_JITTER = (0.7, 1.3)
# Of those seconds, the share spent with the card before the decision.
_READING = 0.6
_LONGEST = 120.0


@dataclass
class Seen:
    """What the clients saw.

    Attributes:
        next_seconds, decide_seconds: of each answer.
        dealt: by report, the people who got its card.
        again: cards that somebody got after they had decided them.
        acknowledged: by token, the report and the decision that the server says it has stored.
        errors: answers that were no success, by what they were.
        empty: answers without a card.
        late: decisions that began over a second after their time.
    """

    next_seconds: list[float] = field(default_factory=list)
    decide_seconds: list[float] = field(default_factory=list)
    dealt: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    again: int = 0
    acknowledged: dict[str, tuple[int, str]] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    empty: int = 0
    late: int = 0


class Connection:
    """One client's connection to a server; it stays open from one request to the next.

    Args:
        base: the server's address.
        headers: sent with each request.
    """

    def __init__(self, base: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(base)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        own = {"host": f"{self._host}:{self._port}", **headers}
        self._head = "".join(f"{name}: {value}\r\n" for name, value in own.items())
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, data: bytes = b"") -> tuple[int, bytes]:
        """Send a request, and return the answer's status and body.

        Raises:
            OSError, EOFError: the connection broke.
        """
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        head = f"{method} {path} HTTP/1.1\r\n{self._head}content-length: {len(data)}\r\n\r\n"
        try:
            writer.write(head.encode() + data)
            lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
            length = next(
                int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")
            )
            answer = await reader.readexactly(length)
        except (OSError, EOFError):
            self.close()
            raise
        if b"connection: close" in lines:
            self.close()
        return int(lines[0].split()[1]), answer

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class Client(Connection):
    """One person's connection to Winnow."""

    def __init__(self, base: str, token: str) -> None:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        super().__init__(base, headers)

    async def post(self, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
        """Send a request, and return the answer's status and body.

        Raises:
            OSError, EOFError: the connection broke.
        """
        return await self.ask("POST", path, json.dumps(body).encode())


@dataclass(frozen=True, slots=True)
class Pace:
    """How long clients screen, and how many seconds lie between two decisions of one person."""

    seconds: float
    between: float = 2.0


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Run it in a thread of its own: the one that asks may have an event loop already."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def screen(base: str, found: Prepared, pace: Pace, *, say: Callable[[str], None]) -> Seen:
    """Let all people screen at once, and return what they saw."""
    seen = Seen()
    run_apart(_screen_together(base, found, pace, seen, say))
    return seen


async def _screen_together(
    base: str, found: Prepared, pace: Pace, seen: Seen, say: Callable[[str], None]
) -> None:
    end = time.monotonic() + pace.seconds
    people = [
        _Reviewer(base, found, number, pace, seen).screen(end)
        for number in range(len(found.people))
    ]
    telling = asyncio.create_task(_tell(seen, say))
    try:
        await asyncio.gather(*people)
    finally:
        telling.cancel()


async def _tell(seen: Seen, say: Callable[[str], None]) -> None:
    while True:
        await asyncio.sleep(30)
        say(
            f"{len(seen.acknowledged):,} decisions, next p99 of the last 1,000 "
            f"{1000 * nearest(seen.next_seconds[-1000:], 0.99):.0f} ms, "
            f"errors {dict(seen.errors)}"
        )


def nearest(values: Sequence[float], share: float) -> float:
    """The value that this share of the measurements lies below; 0 if there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class _Reviewer:
    """One person who screens."""

    def __init__(self, base: str, found: Prepared, number: int, pace: Pace, seen: Seen) -> None:
        self._client = Client(base, found.tokens[number])
        self._person = found.people[number]
        self._found, self._pace, self._seen = found, pace, seen
        self._rng = random.Random(number)
        self._decided = 0
        # Its tokens differ from those of an earlier run on the same store.
        self._name = f"{self._person}-{secrets.token_hex(3)}"
        self._own: set[int] = set()

    async def screen(self, end: float) -> None:
        """Screen until the moment given."""
        at = time.monotonic() + self._rng.uniform(0, self._pace.between)
        while at < end:
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            self._seen.late += time.monotonic() - at > 1
            between = self._pace.between * self._rng.uniform(*_JITTER)
            try:
                await asyncio.wait_for(self._decide_one(between), _LONGEST)
            except (OSError, EOFError, TimeoutError) as error:
                self._client.close()
                self._seen.errors[type(error).__name__] += 1
            # Somebody who was kept waiting does not hurry to make up for it.
            at = max(at + between, time.monotonic())
        self._client.close()

    async def _decide_one(self, between: float) -> None:
        root = f"/api/v1/reviews/{SLUG}"
        status, answer, seconds = await self._timed(f"{root}/queue/next", {"n": 1})
        if status != 200:
            self._seen.errors[f"next {status}"] += 1
            return
        self._seen.next_seconds.append(seconds)
        hand = json.loads(answer)
        if not hand["cards"]:
            self._seen.empty += 1
            return
        card = hand["cards"][0]
        report = card["report"]
        self._seen.again += report in self._own
        self._seen.dealt[report].add(self._person)
        await asyncio.sleep(_READING * between)
        self._decided += 1
        word = "include" if report in self._found.relevant else "exclude"
        body = {
            "token": f"{self._name}-{self._decided}",
            "report": report,
            "decision": word,
            "ranking": hand["ranking"]["id"] if hand["ranking"] else None,
            "place": card["place"],
        }
        status, _, seconds = await self._timed(f"{root}/decisions", body)
        if status != 200:
            self._seen.errors[f"decide {status}"] += 1
            return
        self._seen.decide_seconds.append(seconds)
        self._own.add(report)
        self._seen.acknowledged[body["token"]] = (report, word)

    async def _timed(self, path: str, body: dict[str, Any]) -> tuple[int, bytes, float]:
        began = time.perf_counter()
        status, answer = await self._client.post(path, body)
        return status, answer, time.perf_counter() - began


def ask_quietly(base: str, found: Prepared, number: int) -> int:
    """Ask for one card again and again, as the only client; returns how often it got one."""

    async def ask() -> int:
        client = Client(base, found.tokens[0])
        got = 0
        for _ in range(number):
            status, answer = await client.post(f"/api/v1/reviews/{SLUG}/queue/next", {"n": 1})
            got += status == 200 and bool(json.loads(answer)["cards"])
        client.close()
        return got

    return run_apart(ask())
