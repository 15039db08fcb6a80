"""Search OpenAlex by filter, page by page with cursors; long strategies take several queries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harvest.errors import (
    BudgetSpent,
    KeyNeeded,
    MalformedPage,
    PlaceLost,
    QueryRefused,
    ShortPage,
    SourceError,
    SourceUnavailable,
)
from harvest.http import Client, Request, Response
from harvest.record import Entry
from harvest.sources.config import SourceConfig
from harvest.sources.openalex_json import parse_records
from harvest.sources.protocol import Cursor, Page, QueryPreview
from harvest.sources.responses import (
    check_status,
    explain_key,
    parse_hit_count,
    parse_json_object,
    quote_body,
)
from harvest.sources.short_pages import Length, check_length, count_promised, is_believed
from harvest.waits import count_seconds_to_midnight, format_moment, retry_after

_START = "*"
# The default order, relevance, changes over time; publication dates hardly do.
_SORT = "publication_date"
_SMALLEST_PAGE = 25
# Looks at an answer, and raises if the page is short.
_Check = Callable[[Response, dict[str, Any]], None]


class _TimedOut(SourceUnavailable):
    """The server stopped after its limit of five seconds and sent only part of the page."""


class OpenAlex:
    """OpenAlex; see ``harvest.sources.protocol.Source``.

    The cursor holds the number of the current query, how many of its records have been received,
    and the page size, which shrinks when the server times out. With an API key it also holds the
    service's ``mark``; without one, the ``place`` in the list: pages are asked for by number.
    """

    name = "openalex"

    def __init__(self, client: Client, config: SourceConfig, contact: str) -> None:
        """Create an adapter.

        Args:
            client: the outbound client.
            config: address, pace, page size, key.
            contact: not sent; OpenAlex identifies users by key.
        """
        self._client = client
        self.config = config

    def open(self, queries: Sequence[str]) -> QueryPreview:
        """Hits of all queries; there may be fewer, since queries can overlap."""
        counts, understood, left = [], [], None
        for query in queries:
            response, answer = self._ask({"filter": query, "per_page": "1"})
            counts.append(answer["meta"]["count"])
            understood.append(_understood(answer["meta"]))
            left = _budget(response) if _budget(response) is not None else left
        pages = sum(-(-count // self.config.page_size) for count in counts)
        missing_key = self._explain_missing_key(counts)
        return QueryPreview(
            reported=sum(counts),
            at_most=len(queries) > 1,
            understood="\n".join(filter(None, understood)),
            warnings=(),
            requests=len(queries) + pages,
            cursor=self._first(counts, 0),
            budget_left=left,
            key_needed=missing_key,
        )

    def step(self, queries: Sequence[str], cursor: Cursor) -> Page:
        """The page at a cursor. The last page of a query leads to the first of the next one.

        A list that ends long before the reported hits is taken for an outage.
        """
        self._require_key(cursor)
        try:
            response, answer, size = self._ask_page(queries, cursor)
            body = response.body
        except ShortPage as short:
            if not is_believed(short, cursor):
                raise
            body, answer = short.body, _checked(short.body, self.name, self.config)
            size = cursor["size"]
        except (QueryRefused, SourceUnavailable) as error:
            if not _is_lost(error, cursor):
                raise
            raise self._lost(error.message, cursor) from error
        received = cursor["came"] + len(answer["results"])
        total = answer["meta"]["count"]
        problem = None
        ended = _has_ended(cursor, answer) or self._is_beyond(cursor, size)
        if ended and received < total:
            problem = f"{total:,} hits were reported, but only {received:,} were received"
        about = {"kind": "records", "query": cursor["query"], "mark": cursor.get("mark")}
        next_cursor: dict[str, Any] | None
        if ended:
            next_cursor = self._first(cursor["counts"], cursor["query"] + 1)
        else:
            next_cursor = {name: cursor[name] for name in ("query", "counts")}
            next_cursor |= {"came": received, "size": size}
            if "mark" in cursor:
                next_cursor["mark"] = answer["meta"]["next_cursor"]
            else:
                # Records that did not come have their places, too.
                next_cursor["place"] = cursor["place"] + size
        entries = tuple(parse_records(answer["results"]))
        return Page(body, about, entries, next_cursor, problem=problem)

    def read(self, body: bytes, about: Mapping[str, Any]) -> tuple[Entry, ...]:
        """Parse an answer again."""
        return tuple(parse_records(_checked(body, self.name, self.config)["results"]))

    def identifier_query(self, pmid: str | None, doi: str | None) -> tuple[str, ...]:
        """Queries by PMID and by DOI."""
        by_pmid = (f"pmid:{pmid}",) if pmid else ()
        return (*by_pmid, f"doi:{doi}") if doi else by_pmid

    @property
    def _listed(self) -> int | None:
        """Hits of a query that can be listed; None for all of them."""
        limit, size = self.config.largest_without_key, self.config.page_size
        return limit // size * size if limit and not self.config.api_key else None

    def _explain_missing_key(self, counts: Sequence[int]) -> str | None:
        """Why an API key is needed to fetch these numbers of hits; None if it is not."""
        if self._listed is None or max(counts, default=0) <= self._listed:
            return None
        return (
            f"{self.config.title} lists only the first {self.config.largest_without_key:,} hits of "
            f"a query without an API key, and there are {max(counts):,}."
        )

    def _require_key(self, cursor: Cursor) -> None:
        """Refuse to fetch what cannot be fetched whole, before anything is paid for.

        Raises:
            KeyNeeded: an API key is needed.
            PlaceLost: the walk began with a key, and there is none now.
        """
        if self._listed is None:
            return
        reason = self._explain_missing_key(cursor["counts"][cursor["query"] :])
        if reason:
            raise KeyNeeded(reason, source=self.name, remedy=explain_key(self.name, self.config))
        if "mark" in cursor:
            raise self._lost("no API key is set any more, so pages are asked for by number", cursor)

    def _is_beyond(self, cursor: Cursor, size: int) -> bool:
        """Whether no further page can be asked for by number."""
        return (
            "place" in cursor
            and self._listed is not None
            and cursor["place"] + 2 * size > self.config.largest_without_key
        )

    def _first(self, counts: Sequence[int], query: int) -> dict[str, Any] | None:
        """The cursor at the start of the next query that has hits; None after the last one."""
        while query < len(counts) and counts[query] == 0:
            query += 1
        if query == len(counts):
            return None
        first: dict[str, Any] = {
            "query": query,
            "came": 0,
            "size": self.config.page_size,
            "counts": list(counts),
        }
        by_mark = self._listed is None or self._explain_missing_key(counts[query:])
        return {**first, "mark": _START} if by_mark else {**first, "place": 0}

    def _lost(self, message: str, cursor: Cursor) -> PlaceLost:
        start = self._first(cursor["counts"], cursor["query"])
        assert start is not None, "its query has hits"
        return PlaceLost(message, source=self.name, start=start, repeated=cursor["came"])

    def _ask_page(
        self, queries: Sequence[str], cursor: Cursor
    ) -> tuple[Response, dict[str, Any], int]:
        """The page at a cursor, and its size, which is smaller if the server timed out."""
        values = {"filter": queries[cursor["query"]], "sort": _SORT}
        size = cursor["size"]

        def check(response: Response, answer: dict[str, Any]) -> None:
            opened = cursor["counts"][cursor["query"]]
            total = count_promised(answer["meta"]["count"], opened)
            came = len(answer["results"])
            left = max(0, total - cursor.get("place", cursor["came"]))
            due = left if _has_ended(cursor, answer) else min(size, left)
            length = Length(came=came, due=due, total=total)
            check_length(self.name, self.config, response.body, length)

        while True:
            values["per_page"] = str(size)
            if "mark" in cursor:
                values["cursor"] = cursor["mark"]
            else:
                values["page"] = str(cursor["place"] // size + 1)
            try:
                return *self._ask(values, check), size
            except _TimedOut:
                smaller = max(_SMALLEST_PAGE, size // 2)
                # A page by number must begin where the last one ended.
                if smaller == size or cursor.get("place", 0) % smaller:
                    raise
                size = smaller

    def _ask(
        self, values: Mapping[str, str], check: _Check = lambda *_: None
    ) -> tuple[Response, dict[str, Any]]:
        headers = {}
        if self.config.api_key:
            headers["Authorization"] = f"Bearer {self.config.api_key}"

        answer: dict[str, Any] = {}

        def judge(response: Response) -> None:
            nonlocal answer
            answer = self._judge(response)
            check(response, answer)

        request = Request(self.config.url("works"), params=values, headers=headers)
        response = self._client.ask(self.name, request, self.config.limits, judge)
        return response, answer

    def _judge(self, response: Response) -> dict[str, Any]:
        """Check and parse an answer. A 429 can be about the pace, the budget or the plan."""
        text = response.body[:2000].decode("utf-8", errors="replace").lower()
        if response.status == 429 and "plan" in text:
            raise BudgetSpent(
                f"{self.config.title}: the plan does not allow this: "
                f"{quote_body(response.body, self.config)}",
                source=self.name,
                remedy="Leave out what needs a paid plan.",
            )
        left = response.headers.get("x-ratelimit-remaining", "").strip()
        if response.status == 429 and (left in ("0", "0.0") or "budget" in text):
            reset = response.headers.get("x-ratelimit-reset", "").strip()
            asked = float(reset) if reset.isdigit() else retry_after(response.headers)
            seconds = asked or count_seconds_to_midnight()
            until = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=min(seconds, 1e9))
            raise BudgetSpent(
                f"{self.config.title}: today's allowance is used up.",
                source=self.name,
                remedy=f"Resume or try again from {format_moment(until)}"
                + (
                    "."
                    if self.config.api_key
                    else f", or set an API key, which allows more: {self.config.key_from}."
                ),
                retry_after=seconds,
            )
        check_status(response, self.name, self.config)
        answer = _checked(response.body, self.name, self.config)
        if answer["meta"].get("timed_out"):
            raise _TimedOut(
                f"{self.config.title}: it timed out and sent only part of the page",
                source=self.name,
            )
        return answer


def _has_ended(cursor: Cursor, answer: Mapping[str, Any]) -> bool:
    """Whether no page of the same query follows the one at a cursor."""
    if not answer["results"]:
        return True
    if "place" in cursor:
        return bool(cursor["place"] + len(answer["results"]) >= answer["meta"]["count"])
    following = answer["meta"].get("next_cursor")
    return not following or following == cursor["mark"]


def _is_lost(error: SourceError, cursor: Cursor) -> bool:
    """Whether an error is about a mark: the query itself was accepted with the first page."""
    if cursor.get("mark", _START) == _START or isinstance(error, _TimedOut):
        return False
    return isinstance(error, QueryRefused) or "cursor" in error.message.lower()


def _budget(response: Response) -> float | None:
    try:
        return float(response.headers.get("x-ratelimit-remaining-usd", ""))
    except ValueError:
        return None


def _understood(meta: Mapping[str, Any]) -> str:
    query = meta.get("x_query")
    return str(query.get("oql") or "") if isinstance(query, dict) else ""


def _checked(body: bytes, source: str, config: SourceConfig) -> dict[str, Any]:
    """Parse an answer and check that it has a number of hits and a list.

    Raises:
        MalformedPage: it does not.
    """
    answer = parse_json_object(body, source, config)
    meta, results = answer.get("meta"), answer.get("results")
    if (
        not isinstance(meta, dict)
        or not isinstance(results, list)
        or not all(isinstance(item, dict) for item in results)
    ):
        raise MalformedPage(
            f"{config.title}: the answer has no list of works: {quote_body(body, config)!r}",
            source=source,
            body=body,
        )
    meta["count"] = parse_hit_count(meta.get("count"), source, config, body)
    return answer
