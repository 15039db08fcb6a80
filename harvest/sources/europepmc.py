"""Europe PMC through its RESTful service: searchPOST, walked with cursor marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harvest.errors import MalformedPage, QueryRefused, SourceUnavailable
from harvest.http import Client, Request, Response
from harvest.record import Entry
from harvest.sources.config import SourceConfig
from harvest.sources.europepmc_json import records
from harvest.sources.judge import body_object, check_status, count_of, said
from harvest.sources.protocol import Cursor, Opened, Page

_START = "*"


class EuropePmc:
    """Europe PMC; see ``harvest.sources.protocol.Source``. The cursor is its mark and what came."""

    name = "europepmc"

    def __init__(self, client: Client, config: SourceConfig, contact: str) -> None:
        """An adapter.

        Args:
            client: the outbound client.
            config: address, pace, page size.
            contact: e-mail address that is sent along; "" sends none.
        """
        self._client = client
        self.config = config
        self._contact = contact

    def open(self, queries: Sequence[str]) -> Opened:
        """Hits of the query, and the query as it was read."""
        (query,) = queries
        answer = self._ask(query, _START, size=1, kind="idlist")[1]
        total = answer["hitCount"]
        request = answer.get("request")
        understood = request.get("queryString", "") if isinstance(request, dict) else ""
        return Opened(
            reported=total,
            at_most=False,
            understood=str(understood or ""),
            warnings=(),
            requests=1 + -(-total // self.config.page_size),
            cursor={"mark": _START, "came": 0} if total else None,
        )

    def step(self, queries: Sequence[str], cursor: Cursor) -> Page:
        """The page at a mark; an unchanged or absent mark or an empty list ends the walk."""
        (query,) = queries
        body, answer = self._ask(query, cursor["mark"], size=self.config.page_size, kind="core")
        total = answer["hitCount"]
        listed = len(answer["resultList"]["result"])
        came = cursor["came"] + listed
        mark = answer.get("nextCursorMark")
        ended = not mark or mark == cursor["mark"] or not listed
        problem = None
        if ended and came < total:
            problem = f"{total:,} hits were reported and the walk ended after {came:,}"
        about = {"kind": "records", "mark": cursor["mark"], "reported": total}
        following = None if ended else {"mark": mark, "came": came}
        entries = tuple(records(answer["resultList"]["result"]))
        return Page(body, about, entries, following, problem=problem)

    def read(self, body: bytes, about: Mapping[str, Any]) -> tuple[Entry, ...]:
        """Records of an answer."""
        return tuple(records(_checked(body, self.name, self.config)["resultList"]["result"]))

    def identifier_query(self, pmid: str | None, doi: str | None) -> tuple[str, ...]:
        """Queries by PMID and by DOI."""
        by_pmid = (f"EXT_ID:{pmid} AND SRC:MED",) if pmid else ()
        return (*by_pmid, f'DOI:"{doi}"') if doi else by_pmid

    def _ask(self, query: str, mark: str, *, size: int, kind: str) -> tuple[bytes, dict[str, Any]]:
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

        request = Request(self.config.url("searchPOST"), data=data)
        response = self._client.ask(self.name, request, self.config.limits, judge)
        return response.body, answer


def _checked(body: bytes, source: str, config: SourceConfig) -> dict[str, Any]:
    """An answer that holds a number of hits and a list.

    Raises:
        QueryRefused: the answer is an error, which comes with status 200.
        SourceUnavailable: the error is the server's.
        MalformedPage: it is neither.
    """
    answer = body_object(body, source, config)
    if "errCode" in answer:
        code = answer["errCode"]
        words = said(str(answer.get("errMsg", "")).encode(), config)
        if code == 429 or (isinstance(code, int) and code >= 500):
            raise SourceUnavailable(f"{config.title}: error {code}: {words}", source=source)
        raise QueryRefused(
            f"{config.title}: error {code}: {words}", source=source, remedy="Mend the query."
        )
    answer["hitCount"] = count_of(answer.get("hitCount"), source, config, body)
    listed = answer.get("resultList")
    found = listed.get("result") if isinstance(listed, dict) else None
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise MalformedPage(
            f"{config.title}: the answer holds no list of results.", source=source, body=body
        )
    return answer
