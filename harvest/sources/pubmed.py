"""Search PubMed through the E-utilities: list ids with esearch, fetch records with efetch.

A search can list 9,999 ids at most, so a larger one is split into slices by entry date.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harvest.errors import (
    MalformedPage,
    QueryRefused,
    ShortPage,
    SourceUnavailable,
    UnreadableFile,
)
from harvest.files.pubmed_xml import ROOTS, parse
from harvest.http import Client, Request, Response
from harvest.record import NOT_RETURNED, Entry, Record, Rejected
from harvest.sources.config import SourceConfig
from harvest.sources.protocol import Cursor, Page, QueryPreview, QueryWarning
from harvest.sources.responses import check_status, parse_hit_count, parse_json_object, quote_body
from harvest.sources.short_pages import Length, check_length, count_promised, is_believed
from harvest.xml import root_name

_TOOL = "winnow-review"
# Looks at an answer's bytes and what was read from them, and raises if ids are missing.
_Check = Callable[[bytes, "_Search"], None]
# Slices use entry dates, because every record has exactly one; publication dates can be ranges,
# years or in the future.
_FIRST_DAY, _LAST_DAY = dt.date(1900, 1, 1), dt.date(2100, 12, 31)
# A day with more hits than can be listed is split by these; each splits a set in two.
_FACETS = ("hasabstract", "english[la]", "medline[sb]", "journal article[pt]", "humans[mh]")
# PubMed gives the same message for a query that it cannot parse.
_OUTAGE = "temporarily unavailable"
_WARNINGS = (
    ("errorlist", "fieldsnotfound", "field-not-found"),
    ("warninglist", "phrasesignored", "phrase-ignored"),
    ("warninglist", "quotedphrasesnotfound", "quoted-phrase-not-found"),
)


class PubMed:
    """PubMed; see ``harvest.sources.protocol.Source``.

    The cursor holds the ``slices`` to list ([first day, last day, hits, facets]), the listed
    ``ids`` to fetch, and the ids that were ``missing`` from their answers. These are asked for once
    more at the end, when the cursor says that it is the ``last`` time. PubMed keeps nothing for us
    between two requests (we do not use its history server), so a cursor never expires.
    """

    name = "pubmed"

    def __init__(self, client: Client, config: SourceConfig, contact: str) -> None:
        """Create an adapter.

        Args:
            client: the outbound client.
            config: address, pace, page size.
            contact: e-mail address, which NCBI asks for; "" sends none.
        """
        self._client = client
        self.config = config
        self._contact = contact

    def open(self, queries: Sequence[str]) -> QueryPreview:
        """Hits and warnings of the query."""
        search, _ = self._search(_only(queries), retmax=0)
        total = search.count
        slices = [[None, None, total, ""]] if total else []
        listings = 1 + 6 * (total // max(1, self.config.largest_result))
        return QueryPreview(
            reported=total,
            at_most=False,
            understood=str(search.result.get("querytranslation") or ""),
            warnings=_warnings(search.result),
            requests=listings + -(-total // self.config.page_size),
            cursor=_create_cursor(slices) if slices else None,
            notices=_notices(search.result),
        )

    def step(self, queries: Sequence[str], cursor: Cursor) -> Page:
        """Fetch a batch of records, list the ids of a slice, or split a slice in two."""
        query = _only(queries)
        if cursor["ids"]:
            return self._fetch(cursor)
        if cursor["slices"][0][2] > self.config.largest_result:
            return self._split(query, cursor)
        return self._list(query, cursor)

    def read(self, body: bytes, about: Mapping[str, Any]) -> tuple[Entry, ...]:
        """Parse an efetch answer again; requested ids that it lacks are rejected in the end."""
        if about["kind"] != "records":
            return ()
        entries, missing = self._parse(body, about["asked"])
        return entries if about.get("again") else (*entries, *_reject(missing, len(entries)))

    def _parse(self, body: bytes, asked: Sequence[str]) -> tuple[tuple[Entry, ...], list[str]]:
        """Entries of an efetch answer, and the requested ids that it lacks."""
        if root_name(body[:65536]) not in ROOTS:
            raise MalformedPage(
                f"{self.config.title}: the answer is not a set of articles: "
                f"{quote_body(body, self.config)!r}",
                source=self.name,
                body=body,
            )
        try:
            entries = [e for e in parse(io.BytesIO(body)) if isinstance(e, Record | Rejected)]
        except UnreadableFile as error:
            raise MalformedPage(
                f"{self.config.title}: {error.message}", source=self.name, body=body
            ) from error
        received = {entry.accession for entry in entries if isinstance(entry, Record)}
        return tuple(entries), [number for number in asked if number not in received]

    def identifier_query(self, pmid: str | None, doi: str | None) -> tuple[str, ...]:
        """Queries by PMID and by DOI."""
        by_pmid = (f"{pmid}[uid]",) if pmid else ()
        return (*by_pmid, f'"{doi}"[aid]') if doi else by_pmid

    def _fetch(self, cursor: Cursor) -> Page:
        """Fetch a batch. Ids that it lacks are asked for again at the end, and then rejected."""
        last = cursor.get("last", False)
        batch = list(cursor["ids"][: self.config.page_size])
        problem = None
        try:
            body, entries, missing = self._ask_records(batch, last=last)
        except ShortPage as short:
            if not is_believed(short, cursor):
                raise
            body, entries, missing = short.body, (), batch
        except MalformedPage as error:
            # Keep the raw answer, and go on with the other batches.
            body, entries, missing = error.body, (), batch
            problem = f"{error.message} ({len(batch)} records of this batch were not read)"
        if last:
            entries = (*entries, *_reject(missing, len(entries)))
        kind = "malformed" if problem and not last else "records"
        about = {"kind": kind, "asked": batch, "again": not last}
        following = _create_cursor(
            cursor["slices"],
            cursor["ids"][self.config.page_size :],
            [] if last else [*cursor.get("missing", []), *missing],
            last=last,
        )
        return Page(body, about, entries, following, problem=problem)

    def _ask_records(
        self, batch: list[str], *, last: bool
    ) -> tuple[bytes, tuple[Entry, ...], list[str]]:
        """The answer to a batch, its entries, and the ids that it lacks.

        A batch without any record is an outage, unless it asks for ids that were missing before.
        """
        entries: tuple[Entry, ...] = ()
        missing: list[str] = []

        def judge(response: Response) -> None:
            nonlocal entries, missing
            check_status(response, self.name, self.config)
            entries, missing = self._parse(response.body, batch)
            if len(missing) == len(batch) and not last:
                length = Length(came=0, due=len(batch), total=len(batch))
                check_length(self.name, self.config, response.body, length)

        request = self._request("efetch.fcgi", {"id": ",".join(batch), "retmode": "xml"})
        response = self._client.ask(self.name, request, self.config.limits, judge)
        return response.body, entries, missing

    def _list(self, query: str, cursor: Cursor) -> Page:
        part = cursor["slices"][0]
        try:
            search, body = self._ask_list(query, part)
        except ShortPage as short:
            if not is_believed(short, cursor):
                raise
            search, body = _parse_search(short.body, self.name, self.config), short.body
        ids = sorted(_listed(search), key=lambda number: (len(number), number))
        about = {"kind": "listing", "slice": list(part)}
        problem = None
        if len(ids) < search.count:
            problem = f"{search.count:,} hits were reported, but only {len(ids):,} ids were listed"
        following = _create_cursor(cursor["slices"][1:], ids, cursor.get("missing", []))
        return Page(body, about, (), following, problem=problem)

    def _ask_list(self, query: str, part: Sequence[Any]) -> tuple[_Search, bytes]:
        """The ids of a slice, checked against the hits that it was counted with."""
        most = self.config.largest_result or part[2]

        def check(body: bytes, search: _Search) -> None:
            total = count_promised(search.count, part[2])
            length = Length(came=len(_listed(search)), due=min(total, most), total=total)
            check_length(self.name, self.config, body, length)

        search, response = self._search(query, retmax=most, part=part, check=check)
        return search, response.body

    def _split(self, query: str, cursor: Cursor) -> Page:
        """Split a slice that is too long; report a problem if the halves do not add up."""
        part, rest = cursor["slices"][0], cursor["slices"][1:]
        halves = _halves(part)
        if halves is None:
            page = self._list(query, cursor)
            problem = f"one day has {part[2]:,} hits, and only some of them can be listed"
            return replace(page, problem=problem)
        counts: list[int] = []
        for _ in range(2):
            # A new record can arrive between two counts, so they are taken again once.
            counts = [self._search(query, retmax=0, part=half)[0].count for half in halves]
            search, response = self._search(query, retmax=0, part=part)
            if sum(counts) == search.count:
                break
        total = count_promised(search.count, part[2])
        try:
            length = Length(came=sum(counts), due=total, total=total)
            check_length(self.name, self.config, response.body, length)
        except ShortPage as short:
            if not is_believed(short, cursor):
                raise
        parts = [[*half[:2], count, half[3]] for half, count in zip(halves, counts, strict=True)]
        about = {"kind": "cut", "slice": list(part), "parts": parts}
        mismatch = None
        if sum(counts) != search.count:
            mismatch = (
                f"the slices do not add up: {counts[0]:,} + {counts[1]:,} is not {search.count:,}"
            )
        with_hits = [half for half in parts if half[2]]
        following = _create_cursor([*with_hits, *rest], [], cursor.get("missing", []))
        return Page(response.body, about, (), following, problem=mismatch)

    def _request(self, service: str, values: Mapping[str, str]) -> Request:
        data = {"db": "pubmed", "tool": _TOOL, **values}
        if self._contact:
            data["email"] = self._contact
        if self.config.api_key:
            # NCBI accepts a key only as a parameter; a POST keeps it out of the URL.
            data["api_key"] = self.config.api_key
        return Request(self.config.url(service), data=data)

    def _search(
        self,
        query: str,
        *,
        retmax: int,
        part: Sequence[Any] | None = None,
        check: _Check = lambda *_: None,
    ) -> tuple[_Search, Response]:
        first, last, _, facets = part or (None, None, 0, "")
        values = {"term": f"({query}){facets}" if facets else query, "retmode": "json"}
        values["retmax"] = str(retmax)
        if first:
            values |= {"datetype": "edat", "mindate": str(first), "maxdate": str(last)}

        def judge(response: Response) -> None:
            check_status(response, self.name, self.config)
            check(response.body, _parse_search(response.body, self.name, self.config))

        response = self._client.ask(
            self.name, self._request("esearch.fcgi", values), self.config.limits, judge
        )
        return _parse_search(response.body, self.name, self.config), response


@dataclass(frozen=True, slots=True)
class _Search:
    """A parsed esearch answer."""

    count: int
    result: Mapping[str, Any]


def _listed(search: _Search) -> list[str]:
    """The ids of a list, each once."""
    return list(dict.fromkeys(str(number) for number in search.result.get("idlist") or []))


def _reject(missing: Sequence[str], position: int) -> list[Rejected]:
    """Rejected entries for ids that were not received."""
    return [
        Rejected(position + place, NOT_RETURNED, excerpt=f"PMID {number}")
        for place, number in enumerate(missing, start=1)
    ]


def _only(queries: Sequence[str]) -> str:
    if len(queries) != 1:
        raise ValueError(f"PubMed takes one query, not {len(queries)}")
    return queries[0]


def _create_cursor(
    slices: Sequence[Any],
    ids: Sequence[str] = (),
    missing: Sequence[str] = (),
    *,
    last: bool = False,
) -> Cursor | None:
    """The next cursor; after everything else it leads to the ids that were missing."""
    if slices or ids:
        return {"slices": list(slices), "ids": list(ids), "missing": list(missing), "last": last}
    return {"slices": [], "ids": list(missing), "missing": [], "last": True} if missing else None


def _halves(part: Sequence[Any]) -> tuple[list[Any], list[Any]] | None:
    """Split a slice in two by date, then by facets; None if it cannot be split further."""
    first, last, count, facets = part
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


def _parse_search(body: bytes, source: str, config: SourceConfig) -> _Search:
    """Parse an esearch answer.

    Raises:
        SourceUnavailable: the search backend is down.
        QueryRefused: the query is wrong.
        MalformedPage: it is not an esearch answer.
    """
    answer = parse_json_object(body, source, config)
    result = answer.get("esearchresult")
    if "error" in answer and result is None:
        raise SourceUnavailable(f"{config.title}: {quote_body(body, config)}", source=source)
    if not isinstance(result, dict):
        raise MalformedPage(
            f"{config.title}: the answer has no search result: {quote_body(body, config)!r}",
            source=source,
            body=body,
        )
    if "ERROR" in result:
        quote = quote_body(str(result["ERROR"]).encode(), config)
        if _OUTAGE in str(result["ERROR"]).lower():
            raise SourceUnavailable(
                f"{config.title}: {quote}",
                source=source,
                remedy="Try again later. PubMed gives the same message if it cannot parse a "
                "query, so check the brackets.",
            )
        raise QueryRefused(f"{config.title}: {quote}", source=source, remedy="Correct the query.")
    return _Search(parse_hit_count(result.get("count"), source, config, body), result)


def _list_at(result: Mapping[str, Any], outer: str, inner: str) -> list[str]:
    """A list within an object; either may be missing."""
    parent = result.get(outer)
    values = parent.get(inner) if isinstance(parent, dict) else None
    if isinstance(values, str):
        return [values]
    return [str(value) for value in values] if isinstance(values, list) else []


def _warnings(result: Mapping[str, Any]) -> tuple[QueryWarning, ...]:
    """PubMed rewrites a bad query instead of refusing it, so its changes block a run."""
    return tuple(
        QueryWarning(kind, phrase)
        for outer, inner, kind in _WARNINGS
        for phrase in _list_at(result, outer, inner)
    )


def _notices(result: Mapping[str, Any]) -> tuple[str, ...]:
    absent = _list_at(result, "errorlist", "phrasesnotfound")
    messages = _list_at(result, "warninglist", "outputmessages")
    return (*(f"no hits for: {phrase}" for phrase in absent), *messages)
