"""OpenAlex: works by filter, walked with cursors, long strategies in several queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harvest.errors import BudgetSpent, MalformedPage, SourceUnavailable
from harvest.http import Client, Request, Response
from harvest.record import Entry
from harvest.sources.config import SourceConfig
from harvest.sources.judge import body_object, check_status, count_of, said
from harvest.sources.openalex_json import records
from harvest.sources.protocol import Cursor, Opened, Page

_START = "*"
# The default order is relevance, which moves; dates of publication hardly do.
_SORT = "publication_date"
_SMALLEST_PAGE = 25


class _TimedOut(SourceUnavailable):
    """The server gave up after its own five seconds; what came is a part of the page."""


class OpenAlex:
    """OpenAlex; see ``harvest.sources.protocol.Source``.

    The cursor holds which query is walked, its mark, how many records of it came, and the page
    size, which shrinks where the server times out.
    """

    name = "openalex"

    def __init__(self, client: Client, config: SourceConfig, contact: str) -> None:
        """An adapter.

        Args:
            client: the outbound client.
            config: address, pace, page size, key.
            contact: not sent; OpenAlex knows its users by key.
        """
        self._client = client
        self.config = config

    def open(self, queries: Sequence[str]) -> Opened:
        """Hits of each query; the union may be smaller."""
        counts, understood, left = [], [], None
        for query in queries:
            response, answer = self._ask({"filter": query, "per_page": "1"})
            counts.append(answer["meta"]["count"])
            understood.append(_understood(answer["meta"]))
            left = _budget(response) if _budget(response) is not None else left
        pages = sum(-(-count // self.config.page_size) for count in counts)
        return Opened(
            reported=sum(counts),
            at_most=len(queries) > 1,
            understood="\n".join(filter(None, understood)),
            warnings=(),
            requests=len(queries) + pages,
            cursor=_first(counts, 0, self.config.page_size),
            budget_left=left,
        )

    def step(self, queries: Sequence[str], cursor: Cursor) -> Page:
        """The page at a cursor; after the last page of a query comes the next one's first."""
        values = {
            "filter": queries[cursor["query"]],
            "per_page": str(cursor["size"]),
            "cursor": cursor["mark"],
            "sort": _SORT,
        }
        size = cursor["size"]
        while True:
            try:
                response, answer = self._ask(values)
                break
            except _TimedOut:
                if size <= _SMALLEST_PAGE:
                    raise
                size = max(_SMALLEST_PAGE, size // 2)
                values["per_page"] = str(size)
        came = cursor["came"] + len(answer["results"])
        total = answer["meta"]["count"]
        mark = answer["meta"].get("next_cursor")
        ended = not mark or not answer["results"]
        problem = None
        if ended and came < total:
            # The server says "no more" of any page that is shorter than was asked for, too.
            problem = f"{total:,} hits were reported and the walk ended after {came:,}"
        about = {"kind": "records", "query": cursor["query"], "mark": cursor["mark"]}
        following: Cursor | None
        if ended:
            following = _first(cursor["counts"], cursor["query"] + 1, self.config.page_size)
        else:
            following = {**cursor, "mark": mark, "came": came, "size": size}
        entries = tuple(records(answer["results"]))
        return Page(response.body, about, entries, following, problem=problem)

    def read(self, body: bytes, about: Mapping[str, Any]) -> tuple[Entry, ...]:
        """Records of an answer."""
        return tuple(records(_checked(body, self.name, self.config)["results"]))

    def identifier_query(self, pmid: str | None, doi: str | None) -> tuple[str, ...]:
        """Queries by PMID and by DOI."""
        by_pmid = (f"pmid:{pmid}",) if pmid else ()
        return (*by_pmid, f"doi:{doi}") if doi else by_pmid

    def _ask(self, values: Mapping[str, str]) -> tuple[Response, dict[str, Any]]:
        headers = {}
        if self.config.api_key:
            headers["Authorization"] = f"Bearer {self.config.api_key}"

        answer: dict[str, Any] = {}

        def judge(response: Response) -> None:
            nonlocal answer
            answer = self._judge(response)

        request = Request(self.config.url("works"), params=values, headers=headers)
        response = self._client.ask(self.name, request, self.config.limits, judge)
        return response, answer

    def _judge(self, response: Response) -> dict[str, Any]:
        """Tell a pace from a budget and from a plan, which are all 429; gives a good answer."""
        words = response.body[:2000].decode("utf-8", errors="replace").lower()
        if response.status == 429 and "plan" in words:
            raise BudgetSpent(
                f"{self.config.title}: the plan does not allow it: "
                f"{said(response.body, self.config)}",
                source=self.name,
                remedy="Leave out what needs a paid plan.",
            )
        spent = response.headers.get("x-ratelimit-remaining", "").strip()
        if response.status == 429 and (spent in ("0", "0.0") or "budget" in words):
            reset = response.headers.get("x-ratelimit-reset", "").strip()
            when = f" in {int(reset) // 60:,} minutes" if reset.isdigit() else " at midnight UTC"
            raise BudgetSpent(
                f"{self.config.title}: the allowance of the day is used up.",
                source=self.name,
                remedy=f"Resume the run after it is renewed{when}"
                + (
                    "."
                    if self.config.api_key
                    else f", or set an API key ({self.config.key_from}), which allows more."
                ),
            )
        check_status(response, self.name, self.config)
        answer = _checked(response.body, self.name, self.config)
        if answer["meta"].get("timed_out"):
            raise _TimedOut(
                f"{self.config.title}: it timed out and gave a part of the page", source=self.name
            )
        return answer


def _first(counts: Sequence[int], query: int, size: int) -> Cursor | None:
    """Where the walk of the next query that has hits begins."""
    while query < len(counts) and counts[query] == 0:
        query += 1
    if query == len(counts):
        return None
    return {"query": query, "mark": _START, "came": 0, "size": size, "counts": list(counts)}


def _budget(response: Response) -> float | None:
    try:
        return float(response.headers.get("x-ratelimit-remaining-usd", ""))
    except ValueError:
        return None


def _understood(meta: Mapping[str, Any]) -> str:
    query = meta.get("x_query")
    return str(query.get("oql") or "") if isinstance(query, dict) else ""


def _checked(body: bytes, source: str, config: SourceConfig) -> dict[str, Any]:
    """An answer that holds a number of hits and a list.

    Raises:
        MalformedPage: it does not.
    """
    answer = body_object(body, source, config)
    meta, found = answer.get("meta"), answer.get("results")
    if (
        not isinstance(meta, dict)
        or not isinstance(found, list)
        or not all(isinstance(item, dict) for item in found)
    ):
        raise MalformedPage(
            f"{config.title}: the answer holds no list of works: {said(body, config)!r}",
            source=source,
            body=body,
        )
    meta["count"] = count_of(meta.get("count"), source, config, body)
    return answer
