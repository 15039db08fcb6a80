"""Checks of HTTP answers that all sources share. Even a status of 200 needs checking."""

from __future__ import annotations

import datetime as dt
from typing import Any

from harvest.errors import BudgetSpent, KeyNeeded, MalformedPage, QueryRefused, SourceUnavailable
from harvest.http import Response, masked
from harvest.json_text import parse_json
from harvest.sources.config import SourceConfig
from harvest.text import excerpt
from harvest.waits import format_moment, retry_after

# Statuses below 500, besides 429, after which a retry may help.
_RETRY = {408, 425}
# OpenAlex documents 403 for too many requests.
_PACE = "rate limit"


def quote_body(body: bytes, config: SourceConfig) -> str:
    """The start of an answer, without secrets, for a message."""
    text = masked(body[:2000].decode("utf-8", errors="replace"))
    if config.api_key:
        text = text.replace(config.api_key, "…")
    return excerpt(text, 200)


def check_status(response: Response, source: str, config: SourceConfig) -> None:
    """Raise the error that a status other than 200 stands for.

    Raises:
        SourceUnavailable: a retry may help: 429 or 403 because of the pace, 5xx, 408, 425.
        BudgetSpent: 429, and the source asks for a longer wait than ``longest_wait``.
        KeyNeeded: 401 or 403.
        QueryRefused: any other status; a retry does not help.
    """
    status = response.status
    if status == 200:
        return
    quote = quote_body(response.body, config)
    wait = retry_after(response.headers)
    if status == 429:
        if wait is not None and wait > config.longest_wait:
            raise BudgetSpent(
                f"{config.title}: the allowance is used up; it asks to wait {wait:,.0f} seconds.",
                source=source,
                remedy=f"Resume or try again from {format_moment(_after(wait))}"
                + _suggest_key(config),
                retry_after=wait,
            )
        raise SourceUnavailable(
            f"{config.title}: too many requests ({quote})", source=source, retry_after=wait
        )
    if status >= 500 or status in _RETRY:
        raise SourceUnavailable(
            f"{config.title}: status {status} ({quote})", source=source, retry_after=wait
        )
    if status == 403 and _PACE in quote.lower():
        raise SourceUnavailable(
            f"{config.title}: too many requests ({quote})", source=source, retry_after=wait
        )
    if status in (401, 403):
        raise KeyNeeded(
            f"{config.title} does not accept the API key that is set (status {status}: {quote})"
            if config.api_key
            else f"{config.title} answers this only with an API key (status {status}: {quote})",
            source=source,
            remedy=explain_key(source, config),
        )
    raise QueryRefused(
        f"{config.title}: status {status}: {quote}",
        source=source,
        remedy="Correct the query or the source's settings. The request was not sent again.",
    )


def explain_key(source: str, config: SourceConfig) -> str:
    """Where to get an API key, and how to set it."""
    where = f" at {config.key_from}" if config.key_from else ""
    return f"Get a key{where}, set it (WINNOW_SOURCES__{source.upper()}__API_KEY), and go on."


def _after(seconds: float) -> dt.datetime:
    return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=min(seconds, 1e9))


def _suggest_key(config: SourceConfig) -> str:
    if config.key_from and not config.api_key:
        return f", or set an API key: {config.key_from}."
    return "."


def parse_json_object(body: bytes, source: str, config: SourceConfig) -> dict[str, Any]:
    """Parse a body as a JSON object. Raw line ends in strings are allowed: NCBI sends them.

    Raises:
        MalformedPage: it is not a JSON object.
    """
    try:
        answer = parse_json(body.decode("utf-8"), strict=False)
    except ValueError as error:
        raise MalformedPage(
            f"{config.title}: the answer is not JSON: {quote_body(body, config)!r}",
            source=source,
            body=body,
        ) from error
    if not isinstance(answer, dict):
        raise MalformedPage(
            f"{config.title}: the answer is not a JSON object.", source=source, body=body
        )
    return answer


def parse_hit_count(value: Any, source: str, config: SourceConfig, body: bytes) -> int:
    """Parse a number of hits. If it is missing, we must not take that for "no hits".

    Raises:
        MalformedPage: it is missing or not a number of 0 or more.
    """
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = -1
    if isinstance(value, bool) or number < 0:
        raise MalformedPage(
            f"{config.title}: the answer does not say how many hits there are: "
            f"{quote_body(body, config)!r}",
            source=source,
            body=body,
        )
    return number
