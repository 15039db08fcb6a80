"""PubMed through the E-utilities: ids by esearch, past 9,999 by date, records by efetch."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from harvest.errors import MalformedPage, QueryRefused, SourceUnavailable, UnreadableFile
from harvest.files.pubmed_xml import ROOTS, parse
from harvest.http import Client, Request, Response
from harvest.record import Entry, Record, Rejected
from harvest.sources.config import SourceConfig
from harvest.sources.judge import body_object, check_status, count_of, said
from harvest.sources.protocol import Cursor, Opened, Page, Warned
from harvest.xml import root_name

_TOOL = "winnow-review"
# Every record has one entry date; publication dates are ranges, years or in the future.
_FIRST_DAY, _LAST_DAY = dt.date(1900, 1, 1), dt.date(2100, 12, 31)
# Where one day holds more than can be listed it is cut by these: each splits a set in two.
_FACETS = ("hasabstract", "english[la]", "medline[sb]", "journal article[pt]", "humans[mh]")
# PubMed says of a query that it cannot read, too, that search is unavailable.
_OUTAGE = "temporarily unavailable"
_WARNINGS = (
    ("errorlist", "fieldsnotfound", "field-not-found"),
    ("warninglist", "phrasesignored", "phrase-ignored"),
    ("warninglist", "quotedphrasesnotfound", "quoted-phrase-not-found"),
)


class PubMed:
    """PubMed; see ``harvest.sources.protocol.Source``.

    The cursor holds ``slices`` still to be listed ([first day, last day, hits, facets]) and ``ids``
    listed and not fetched yet.
    """

    name = "pubmed"

    def __init__(self, client: Client, config: SourceConfig, contact: str) -> None:
        """An adapter.

        Args:
            client: the outbound client.
            config: address, pace, page size.
            contact: e-mail address that NCBI asks for; "" sends none.
        """
        self._client = client
        self.config = config
        self._contact = contact

    def open(self, queries: Sequence[str]) -> Opened:
        """Hits and warnings of the query."""
        found, _ = self._search(_only(queries), retmax=0)
        total = found.count
        slices = [[None, None, total, ""]] if total else []
        listings = 1 + 6 * (total // max(1, self.config.largest_result))
        return Opened(
            reported=total,
            at_most=False,
            understood=str(found.result.get("querytranslation") or ""),
            warnings=_warnings(found.result),
            requests=listings + -(-total // self.config.page_size),
            cursor={"slices": slices, "ids": []} if slices else None,
            notices=_notices(found.result),
        )

    def step(self, queries: Sequence[str], cursor: Cursor) -> Page:
        """A batch of records, or a listing of ids, or a slice cut in two."""
        query = _only(queries)
        if cursor["ids"]:
            return self._fetch(cursor)
        first, last, count, facets = cursor["slices"][0]
        rest = list(cursor["slices"][1:])
        if count > self.config.largest_result:
            return self._cut(query, (first, last, count, facets), rest)
        return self._list(query, (first, last, count, facets), rest)

    def read(self, body: bytes, about: Mapping[str, Any]) -> tuple[Entry, ...]:
        """Records of an efetch answer; ids that were asked for and did not come are rejected."""
        if about["kind"] != "records":
            return ()
        if root_name(body[:65536]) not in ROOTS:
            raise MalformedPage(
                f"{self.config.title}: the answer is no set of articles: "
                f"{said(body, self.config)!r}",
                source=self.name,
                body=body,
            )
        try:
            entries = [e for e in parse(io.BytesIO(body)) if isinstance(e, Record | Rejected)]
        except UnreadableFile as error:
            raise MalformedPage(
                f"{self.config.title}: {error.message}", source=self.name, body=body
            ) from error
        came = {entry.accession for entry in entries if isinstance(entry, Record)}
        return (*entries, *self._missing(about["asked"], came, len(entries)))

    def identifier_query(self, pmid: str | None, doi: str | None) -> tuple[str, ...]:
        """Queries by PMID and by DOI."""
        by_pmid = (f"{pmid}[uid]",) if pmid else ()
        return (*by_pmid, f'"{doi}"[aid]') if doi else by_pmid

    def _missing(
        self, asked: Sequence[str], came: set[str | None], position: int
    ) -> list[Rejected]:
        gone = [number for number in asked if number not in came]
        return [
            Rejected(position + place, "asked for and not returned", excerpt=f"PMID {number}")
            for place, number in enumerate(gone, start=1)
        ]

    def _fetch(self, cursor: Cursor) -> Page:
        ids = list(cursor["ids"])
        asked, later = ids[: self.config.page_size], ids[self.config.page_size :]
        about = {"kind": "records", "asked": asked}
        following = _following(cursor["slices"], later)

        entries: tuple[Entry, ...] = ()

        def judge(response: Response) -> None:
            nonlocal entries
            check_status(response, self.name, self.config)
            entries = self.read(response.body, about)

        request = self._request("efetch.fcgi", {"id": ",".join(asked), "retmode": "xml"})
        try:
            response = self._client.ask(self.name, request, self.config.limits, judge)
        except MalformedPage as error:
            # The other batches are fetched all the same; this one is kept and its gap is told.
            lost = self._missing(asked, set(), 0)
            problem = f"{error.message} ({len(asked)} records of this batch were not read)"
            return Page(error.body, about, tuple(lost), following, problem=problem)
        return Page(response.body, about, entries, following)

    def _list(self, query: str, piece: Sequence[Any], rest: list[Any]) -> Page:
        found, response = self._search(
            query, retmax=self.config.largest_result or piece[2], piece=piece
        )
        listed = [str(number) for number in found.result.get("idlist") or []]
        ids = sorted(dict.fromkeys(listed), key=lambda number: (len(number), number))
        about = {"kind": "listing", "slice": list(piece)}
        problem = None
        if len(ids) < found.count:
            problem = f"{found.count:,} hits were reported and {len(ids):,} ids were listed"
        return Page(response.body, about, (), _following(rest, ids), problem=problem)

    def _cut(self, query: str, piece: tuple[Any, ...], rest: list[Any]) -> Page:
        """Cut a slice that is too long; the parts must add up, or the gap is told."""
        halves = _halves(piece)
        if halves is None:
            page = self._list(query, piece, rest)
            words = f"one day holds {piece[2]:,} hits, of which only some can be listed"
            return Page(page.body, page.about, (), page.cursor, problem=words)
        counts: list[int] = []
        for _ in range(2):
            # A record may have come between two counts: then they are taken once more.
            counts = [self._search(query, retmax=0, piece=half)[0].count for half in halves]
            found, response = self._search(query, retmax=0, piece=piece)
            if sum(counts) == found.count:
                break
        parts = [[*half[:2], count, half[3]] for half, count in zip(halves, counts, strict=True)]
        about = {"kind": "cut", "slice": list(piece), "parts": parts}
        problem = None
        if sum(counts) != found.count:
            problem = (
                f"the slices do not add up: {counts[0]:,} + {counts[1]:,} is not {found.count:,}"
            )
        full = [part for part in parts if part[2]]
        return Page(response.body, about, (), _following([*full, *rest], []), problem=problem)

    def _request(self, service: str, values: Mapping[str, str]) -> Request:
        data = {"db": "pubmed", "tool": _TOOL, **values}
        if self._contact:
            data["email"] = self._contact
        if self.config.api_key:
            # NCBI takes a key as a parameter only; in a POST it stays out of addresses.
            data["api_key"] = self.config.api_key
        return Request(self.config.url(service), data=data)

    def _search(
        self, query: str, *, retmax: int, piece: Sequence[Any] | None = None
    ) -> tuple[_Found, Response]:
        first, last, _, facets = piece or (None, None, 0, "")
        values = {"term": f"({query}){facets}" if facets else query, "retmode": "json"}
        values["retmax"] = str(retmax)
        if first:
            values |= {"datetype": "edat", "mindate": str(first), "maxdate": str(last)}
        judge = partial(_judge_search, self.name, self.config)
        response = self._client.ask(
            self.name, self._request("esearch.fcgi", values), self.config.limits, judge
        )
        return _found(response.body, self.name, self.config), response


class _Found:
    """What esearch answered."""

    def __init__(self, count: int, result: Mapping[str, Any]) -> None:
        self.count = count
        self.result = result


def _only(queries: Sequence[str]) -> str:
    if len(queries) != 1:
        raise ValueError(f"PubMed takes one query, not {len(queries)}")
    return queries[0]


def _following(slices: Sequence[Any], ids: Sequence[str]) -> Cursor | None:
    return {"slices": list(slices), "ids": list(ids)} if slices or ids else None


def _halves(piece: Sequence[Any]) -> tuple[list[Any], list[Any]] | None:
    """A slice in two by date, then by facets; None where nothing is left to cut by."""
    first, last, count, facets = piece
    start = dt.date.fromisoformat(first.replace("/", "-")) if first else _FIRST_DAY
    end = dt.date.fromisoformat(last.replace("/", "-")) if last else _LAST_DAY
    if start < end:
        middle = start + (end - start) // 2
        after = middle + dt.timedelta(days=1)
        return (
            [_day(start), _day(middle), count, facets],
            [_day(after), _day(end), count, facets],
        )
    for facet in _FACETS:
        if facet not in facets:
            return (
                [first, last, count, f"{facets} AND {facet}"],
                [first, last, count, f"{facets} NOT {facet}"],
            )
    return None


def _day(day: dt.date) -> str:
    return f"{day:%Y/%m/%d}"


def _found(body: bytes, source: str, config: SourceConfig) -> _Found:
    """What an esearch answer says.

    Raises:
        SourceUnavailable: the search backend is out.
        QueryRefused: the query is wrong.
        MalformedPage: it is no esearch answer.
    """
    answer = body_object(body, source, config)
    result = answer.get("esearchresult")
    if "error" in answer and result is None:
        raise SourceUnavailable(f"{config.title}: {said(body, config)}", source=source)
    if not isinstance(result, dict):
        raise MalformedPage(
            f"{config.title}: the answer holds no search result: {said(body, config)!r}",
            source=source,
            body=body,
        )
    if "ERROR" in result:
        words = said(str(result["ERROR"]).encode(), config)
        if _OUTAGE in str(result["ERROR"]).lower():
            raise SourceUnavailable(
                f"{config.title}: {words}",
                source=source,
                remedy="Try again later. PubMed also says so of a query that it cannot read: "
                "check the brackets.",
            )
        raise QueryRefused(f"{config.title}: {words}", source=source, remedy="Mend the query.")
    return _Found(count_of(result.get("count"), source, config, body), result)


def _judge_search(source: str, config: SourceConfig, response: Response) -> None:
    check_status(response, source, config)
    _found(response.body, source, config)


def _list_at(result: Mapping[str, Any], outer: str, inner: str) -> list[str]:
    """A list that may be missing, as its outer object may."""
    found = result.get(outer)
    values = found.get(inner) if isinstance(found, dict) else None
    if isinstance(values, str):
        return [values]
    return [str(value) for value in values] if isinstance(values, list) else []


def _warnings(result: Mapping[str, Any]) -> tuple[Warned, ...]:
    """PubMed does not refuse a bad query, it rewrites it: what it changed blocks a run."""
    return tuple(
        Warned(kind, phrase)
        for outer, inner, kind in _WARNINGS
        for phrase in _list_at(result, outer, inner)
    )


def _notices(result: Mapping[str, Any]) -> tuple[str, ...]:
    absent = _list_at(result, "errorlist", "phrasesnotfound")
    messages = _list_at(result, "warninglist", "outputmessages")
    return (*(f"found nowhere: {phrase}" for phrase in absent), *messages)
