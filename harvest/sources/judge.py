"""What an HTTP answer means, for all sources alike: a 200 is still to be looked into."""

from __future__ import annotations

import json
from typing import Any

from harvest.errors import BudgetSpent, MalformedPage, QueryRefused, SourceUnavailable
from harvest.http import Response, masked, retry_after
from harvest.sources.config import SourceConfig
from harvest.text import excerpt

# Statuses after which the same request may yet be answered.
_AGAIN = {408, 425}


def said(body: bytes, config: SourceConfig) -> str:
    """The first words of an answer, without secrets, for a message."""
    text = masked(body[:2000].decode("utf-8", errors="replace"))
    if config.api_key:
        text = text.replace(config.api_key, "…")
    return excerpt(text, 200)


def check_status(response: Response, source: str, config: SourceConfig) -> None:
    """Raise what a status other than 200 means.

    Raises:
        SourceUnavailable: it may be answered later: 429 for pace, 5xx, 408, 425.
        BudgetSpent: 429, and the source asks to wait for longer than we do.
        QueryRefused: all other refusals are final.
    """
    status = response.status
    if status == 200:
        return
    words = said(response.body, config)
    wait = retry_after(response.headers)
    if status == 429:
        if wait is not None and wait > config.longest_wait:
            raise BudgetSpent(
                f"{config.title}: the allowance is used up; it asks to wait {wait:,.0f} seconds.",
                source=source,
                remedy="Resume the run after that time" + _key(config),
            )
        raise SourceUnavailable(
            f"{config.title}: too many requests ({words})", source=source, retry_after=wait
        )
    if status >= 500 or status in _AGAIN:
        raise SourceUnavailable(
            f"{config.title}: status {status} ({words})", source=source, retry_after=wait
        )
    raise QueryRefused(
        f"{config.title}: status {status}: {words}",
        source=source,
        remedy="Mend the query or the settings of the source; it was not sent again.",
    )


def _key(config: SourceConfig) -> str:
    if config.key_from and not config.api_key:
        return f", or set an API key ({config.key_from})."
    return "."


def json_object(response: Response, source: str, config: SourceConfig) -> dict[str, Any]:
    """The body as a JSON object; NCBI puts raw line ends into strings, so they are let in.

    Raises:
        MalformedPage: it is none.
    """
    return body_object(response.body, source, config)


def body_object(body: bytes, source: str, config: SourceConfig) -> dict[str, Any]:
    """Bytes as a JSON object.

    Raises:
        MalformedPage: they are none.
    """
    try:
        found = json.loads(body.decode("utf-8"), strict=False)
    except (ValueError, RecursionError) as error:
        raise MalformedPage(
            f"{config.title}: the answer is not JSON: {said(body, config)!r}",
            source=source,
            body=body,
        ) from error
    if not isinstance(found, dict):
        raise MalformedPage(
            f"{config.title}: the answer is no JSON object.", source=source, body=body
        )
    return found


def count_of(value: Any, source: str, config: SourceConfig, body: bytes) -> int:
    """A number of hits: it must be there and be one, or "no hits" could be a misreading.

    Raises:
        MalformedPage: it is not.
    """
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = -1
    if isinstance(value, bool) or number < 0:
        raise MalformedPage(
            f"{config.title}: the answer does not say how many hits there are: "
            f"{said(body, config)!r}",
            source=source,
            body=body,
        )
    return number
