"""Search Europe PMC through its RESTful service (searchPOST), page by page with cursor marks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harvest.errors import (
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
from harvest.sources.europepmc_json import parse_records
from harvest.sources.protocol import Cursor, Page, QueryPreview
from harvest.sources.responses import check_status, parse_hit_count, parse_json_object, quote_body
from harvest.sources.short_pages import (
    Length,
    check_length,
    count_promised,
    is_believed,
)

_START = "*"
# Looks at an answer and its bytes, and raises if the page is short.
_Check = Callable[[bytes, dict[str, Any]], None]


class EuropePmc:
    """Europe PMC; see ``harvest.sources.protocol.Source``.

    The cursor holds the service's mark, the number of records received, and the total at the start.
    """

    name = "europepmc"

    def __init__(self, client: Client, config: SourceConfig, contact: str) -> None:
        """Create an adapter.

        Args:
            client: the outbound client.
            config: address, pace, page size.
            contact: e-mail address to send along; "" sends none.
        """
        self._client = client
        self.config = config
        self._contact = contact

    def open(self, queries: Sequence[str]) -> QueryPreview:
        """Hits of the query, and the query as Europe PMC understood it."""
        (query,) = queries
        _, answer = self._ask(query, _START, size=1, kind="idlist")
        total = answer["hitCount"]
        request = answer.get("request")
        understood = request.get("queryString", "") if isinstance(request, dict) else ""
        return QueryPreview(
            reported=total,
            at_most=False,
            understood=str(understood or ""),
            warnings=(),
            requests=1 + -(-total // self.config.page_size),
            cursor={"mark": _START, "came": 0, "total": total} if total else None,
        )

    def step(self, queries: Sequence[str], cursor: Cursor) -> Page:
        """The page at a mark. An unchanged or missing mark or an empty list means the end.

        A list that ends long before the reported hits is taken for an outage.
        """
        (query,) = queries
        try:
            body, answer = self._ask_page(query, cursor)
        except ShortPage as short:
            if not is_believed(short, cursor):
                raise
            body, answer = short.body, _checked(short.body, self.name, self.config)
        except (QueryRefused, SourceUnavailable) as error:
            if not _is_lost(error, cursor["mark"]):
                raise
            raise PlaceLost(
                error.message,
                source=self.name,
                start={**cursor, "mark": _START, "came": 0},
                repeated=cursor["came"],
            ) from error
        total = answer["hitCount"]
        received = cursor["came"] + len(answer["resultList"]["result"])
        problem = None
        if (ended := _has_ended(cursor["mark"], answer)) and received < total:
            problem = f"{total:,} hits were reported, but only {received:,} were received"
        about = {"kind": "records", "mark": cursor["mark"], "reported": total}
        next_cursor: Cursor | None = None
        if not ended:
            place = {"mark": answer["nextCursorMark"], "came": received}
            next_cursor = {**place, "total": cursor.get("total", total)}
        entries = tuple(parse_records(answer["resultList"]["result"]))
        return Page(body, about, entries, next_cursor, problem=problem)

    def read(self, body: bytes, about: Mapping[str, Any]) -> tuple[Entry, ...]:
        """Parse an answer again."""
        return tuple(parse_records(_checked(body, self.name, self.config)["resultList"]["result"]))

    def identifier_query(self, pmid: str | None, doi: str | None) -> tuple[str, ...]:
        """Queries by PMID and by DOI."""
        by_pmid = (f"EXT_ID:{pmid} AND SRC:MED",) if pmid else ()
        return (*by_pmid, f'DOI:"{doi}"') if doi else by_pmid

    def _ask_page(self, query: str, cursor: Cursor) -> tuple[bytes, dict[str, Any]]:
        size, mark = self.config.page_size, cursor["mark"]

        def check(body: bytes, answer: dict[str, Any]) -> None:
            came = len(answer["resultList"]["result"])
            total = count_promised(answer["hitCount"], cursor.get("total", 0))
            left = max(0, total - cursor["came"])
            due = left if _has_ended(mark, answer) else min(size, left)
            check_length(self.name, self.config, body, Length(came=came, due=due, total=total))

        return self._ask(query, mark, size=size, kind="core", check=check)

    def _ask(
        self, query: str, mark: str, *, size: int, kind: str, check: _Check = lambda *_: None
    ) -> tuple[bytes, dict[str, Any]]:
        data = {
            "query": query,
            "resultType": kind,
            "format": "json",
            "pageSize": str(size),
            "cursorMark": mark,
        }
        if self._contact:
            data["email"] = self._contact

        answer: dict[str, Any] = {}

        def judge(response: Response) -> None:
            nonlocal answer
            check_status(response, self.name, self.config)
            answer = _checked(response.body, self.name, self.config)
            check(response.body, answer)

        request = Request(self.config.url("searchPOST"), data=data)
        response = self._client.ask(self.name, request, self.config.limits, judge)
        return response.body, answer


def _has_ended(mark: str, answer: Mapping[str, Any]) -> bool:
    """Whether no page follows the one at a mark."""
    following = answer.get("nextCursorMark")
    return not following or following == mark or not answer["resultList"]["result"]


def _is_lost(error: SourceError, mark: str) -> bool:
    """Whether an error is about a mark: the query itself was accepted with the first page."""
    if mark == _START:
        return False
    return isinstance(error, QueryRefused) or "cursor" in error.message.lower()


def _checked(body: bytes, source: str, config: SourceConfig) -> dict[str, Any]:
    """Parse an answer and check that it has a number of hits and a list.

    Raises:
        QueryRefused: the answer is an error; Europe PMC sends errors with status 200.
        SourceUnavailable: the error is the server's.
        MalformedPage: it is not such an answer.
    """
    answer = parse_json_object(body, source, config)
    if "errCode" in answer:
        code = answer["errCode"]
        quote = quote_body(str(answer.get("errMsg", "")).encode(), config)
        if code == 429 or (isinstance(code, int) and code >= 500):
            raise SourceUnavailable(f"{config.title}: error {code}: {quote}", source=source)
        raise QueryRefused(
            f"{config.title}: error {code}: {quote}", source=source, remedy="Correct the query."
        )
    answer["hitCount"] = parse_hit_count(answer.get("hitCount"), source, config, body)
    result_list = answer.get("resultList")
    results = result_list.get("result") if isinstance(result_list, dict) else None
    if not isinstance(results, list) or not all(isinstance(item, dict) for item in results):
        raise MalformedPage(
            f"{config.title}: the answer has no list of results.", source=source, body=body
        )
    return answer
