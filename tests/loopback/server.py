"""The server: three sources under one address, with faults on demand."""

from __future__ import annotations

import base64
import datetime as dt
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.loopback.corpus import Article
from tests.loopback.query import BadQuery, compiled
from tests.loopback.shapes import europepmc_core, openalex_work, pubmed_set

PATHS = {"pubmed": "/eutils", "europepmc": "/europepmc", "openalex": "/openalex"}
_ADDRESS_LIMIT = 4094
# A gate that nobody opens lets a test fail instead of hanging.
_LONGEST_WAIT = 300.0


@dataclass
class Fault:
    """Something that goes wrong at a source.

    Attributes:
        kind: ``pace``, ``budget``, ``broken`` (500), ``cut``, ``hang``, ``error`` (in a body with
            status 200), ``garbage`` (not a page at all), ``partial``, ``empty``, ``none`` (empty,
            and no hits are reported), ``stuck`` (the place that was sent is given as the next one),
            ``expired`` (any place but the start is refused), ``later`` (503, in two hours) or
            ``forbidden`` (401).
        at: number of the source's request, counted from 1; 0 is every request.
        times: how many requests in a row fail.
        service: only requests whose path ends like this.
    """

    kind: str
    at: int = 0
    times: int = 1
    service: str = ""
    seen: int = 0


@dataclass
class Gate:
    """Holds back the answers to some requests until it is opened.

    Attributes:
        service: only requests whose path ends like this.
        at: number of the first request that waits, counted from 1 when the gate was set.
        times: how many requests wait; the later ones pass. 0 for all.
    """

    service: str
    at: int
    times: int = 0
    seen: int = 0
    opened: threading.Event = field(default_factory=threading.Event)
    reached: threading.Event = field(default_factory=threading.Event)

    def stops(self, service: str) -> bool:
        """Whether this request waits; each request is to be asked about once."""
        if service != self.service:
            return False
        self.seen += 1
        return self.seen >= self.at and not (self.times and self.seen >= self.at + self.times)

    def wait(self) -> None:
        """Wait until the gate is opened, at most as long as a test may take."""
        self.reached.set()
        self.opened.wait(_LONGEST_WAIT)

    def wait_for_request(self) -> None:
        """Wait until a request waits at the gate."""
        assert self.reached.wait(_LONGEST_WAIT), f"nobody asked for {self.service}"

    def open(self) -> None:
        """Let all requests pass."""
        self.opened.set()


@dataclass
class World:
    """What the server simulates."""

    articles: Sequence[Article]
    cap: int = 9999
    delay: float = 0.0
    hang: float = 5.0
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    asked: dict[str, list[tuple[str, dict[str, str]]]] = field(default_factory=dict)
    ignored_phrase: str = ""
    # PMIDs that PubMed lists and never sends.
    withheld: frozenset[str] = frozenset()
    # Hits that are reported and do not exist.
    surplus: int = 0
    # Whether OpenAlex answers 401 to cursors without a key, and what it lists by page number.
    cursors_need_key: bool = True
    by_number: int = 10_000
    # Articles added after this day are not there yet; None for all articles.
    today: dt.date | None = None
    gates: list[Gate] = field(default_factory=list)

    def hold(self, service: str, at: int, *, times: int = 0) -> Gate:
        """Hold back requests, so that a test acts while the source has not answered."""
        gate = Gate(service, at, times)
        self.gates.append(gate)
        return gate

    def there(self) -> Sequence[Article]:
        """The articles that can be found."""
        if self.today is None:
            return self.articles
        return [article for article in self.articles if article.entered <= self.today]


class Loopback:
    """The server, which runs in its own threads until it is closed."""

    def __init__(self, world: World, port: int = 0) -> None:
        self.world = world
        lock = threading.Lock()
        found: dict[str, list[Article]] = {}

        def hits(query: str) -> list[Article]:
            with lock:
                if query not in found:
                    test = compiled(query)
                    found[query] = [article for article in world.there() if test(article)]
                return found[query]

        class Handler(_Handler):
            pass

        Handler.world, Handler.hits, Handler.lock = world, staticmethod(hits), lock
        self._server = _Server(("127.0.0.1", port), Handler)
        # Seconds between looks at whether to close.
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )
        self._thread.start()

        self._found = found

    def forget(self) -> None:
        """Forget earlier results, because the corpus has changed."""
        self._found.clear()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def base_url(self, source: str) -> str:
        """A source's base URL."""
        return f"{self.address}{PATHS[source]}"

    def environment(self) -> dict[str, str]:
        """Settings that make Winnow use this server instead of the sources."""
        names = {f"WINNOW_SOURCES__{s.upper()}__BASE_URL": self.base_url(s) for s in PATHS}
        return {**names, "WINNOW_HARVEST__ALLOW_LOOPBACK": "true"}

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A killed client is not an error of this server."""


class _Handler(BaseHTTPRequestHandler):
    world: World
    hits: Any
    lock: Any
    protocol_version = "HTTP/1.1"
    # Without this, a body waits up to 40 ms until its headers are acknowledged.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        size = int(self.headers.get("content-length", 0))
        body = self.rfile.read(size).decode()
        parts = urlsplit(self.path)
        source = next((s for s, path in PATHS.items() if parts.path.startswith(path + "/")), None)
        if source is None:
            self._send(404, b"Not found")
            return
        values = {k: v[-1] for k, v in parse_qs(f"{parts.query}&{body}").items()}
        service = parts.path.rpartition("/")[2]
        with self.lock:
            asked = self.world.asked.setdefault(source, [])
            asked.append((service, values))
            number = len(asked)
            fault = self._fault(source, number, service)
            held_by = [gate for gate in self.world.gates if gate.stops(service)]
        time.sleep(self.world.delay)
        for gate in held_by:
            gate.wait()
        try:
            self._answer(source, service, values, fault)
        except BadQuery as error:
            self._refused(source, str(error))

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _fault(self, source: str, number: int, service: str) -> str | None:
        for fault in self.world.faults.get(source, []):
            if fault.service and service != fault.service:
                continue
            fault.seen += 1
            counted = fault.seen if fault.service else number
            if fault.at == 0 or fault.at <= counted < fault.at + fault.times:
                return fault.kind
        return None

    def _send(
        self,
        status: int,
        body: bytes,
        kind: str = "application/json",
        headers: dict[str, str] | None = None,
        cut: int = 0,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) - cut] if cut else body)
        if cut:
            self.close_connection = True

    def _json(self, value: Any, **options: Any) -> None:
        self._send(200, json.dumps(value, ensure_ascii=False).encode(), **options)

    def _refused(self, source: str, words: str) -> None:
        if source == "pubmed":
            self._json(
                {
                    "header": {"type": "esearch"},
                    "esearchresult": {"ERROR": f"Search Backend failed: {words}"},
                }
            )
        elif source == "europepmc":
            self._json({"version": "6.9", "errCode": 400, "errMsg": words})
        else:
            self._send(400, json.dumps({"error": "Invalid query", "message": words}).encode())

    def _answer(self, source: str, service: str, values: dict[str, str], fault: str | None) -> None:
        if fault == "hang":
            time.sleep(self.world.hang)
        if fault == "pace":
            self._send(
                429,
                b'{"error":"API rate limit exceeded","count":"4","limit":"3"}',
                headers={"Retry-After": "0"},
            )
        elif fault == "budget":
            headers = {
                "Retry-After": "54000",
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": "54000",
            }
            self._send(
                429,
                b'{"error":"Rate limit exceeded","message":"Insufficient budget"}',
                headers=headers,
            )
        elif fault == "later":
            self._send(503, b"Down for maintenance", "text/plain", headers={"Retry-After": "7200"})
        elif fault == "forbidden":
            self._send(401, b'{"error":"Unauthorized","message":"An API key is required"}')
        elif fault == "broken":
            self._send(500, b"<html>Internal Server Error</html>", "text/html")
        elif fault == "error":
            self._refused(source, "Search is broken in this query")
        elif fault == "garbage":
            self._send(200, b"<html><body>Down for maintenance", "text/html")
        else:
            cut = 40 if fault == "cut" else 0
            getattr(self, f"_{source}")(service, values, fault, cut)

    def _pubmed(self, service: str, values: dict[str, str], fault: str | None, cut: int) -> None:
        if service == "efetch.fcgi":
            wanted = set(values.get("id", "").split(","))
            found = [a for a in self.world.there() if a.pmid in wanted]
            if fault == "partial":
                found = found[1:]
            if fault == "empty":
                found = []
            found = [a for a in found if a.pmid not in self.world.withheld]
            self._send(200, pubmed_set(found), "text/xml", cut=cut)
            return
        found = self.hits(values["term"])
        if "mindate" in values:
            first, last = _day(values["mindate"]), _day(values["maxdate"])
            found = [a for a in found if first <= a.entered <= last]
        if int(values.get("retstart", 0)) > self.world.cap - 1:
            self._send(
                200,
                b'{"header":{},"esearchresult":{"ERROR":"Search Backend failed: Exception:\n\'retstart\' cannot be larger than 9998."}}',
            )
            return
        size = min(int(values.get("retmax", 20)), self.world.cap)
        if fault == "none":
            found = []
        result: dict[str, Any] = {
            "count": str(len(found) + (self.world.surplus if found else 0)),
            "retmax": str(size),
            "retstart": "0",
            "idlist": [] if fault == "empty" else [a.pmid for a in reversed(found)][:size],
            "translationset": [],
            "querytranslation": values["term"],
        }
        if self.world.ignored_phrase and self.world.ignored_phrase in values["term"]:
            result["warninglist"] = {
                "phrasesignored": [self.world.ignored_phrase],
                "quotedphrasesnotfound": [],
                "outputmessages": [],
            }
        self._json(
            {"header": {"type": "esearch", "version": "0.3"}, "esearchresult": result}, cut=cut
        )

    def _europepmc(self, service: str, values: dict[str, str], fault: str | None, cut: int) -> None:
        size = int(values.get("pageSize", 25))
        if not 1 <= size <= 1000:
            self._json(
                {
                    "errCode": 404,
                    "errMsg": "Invalid page size provided. Valid size is between 1 and 1000",
                }
            )
            return
        found = self.hits(values["query"])
        mark = values.get("cursorMark", "*")
        if fault == "expired" and mark != "*":
            self._refused("europepmc", "Invalid cursorMark: it has expired")
            return
        start = 0 if mark == "*" else int(base64.b64decode(mark).decode())
        listed = found[start : start + (max(1, size // 2) if fault == "partial" else size)]
        if fault in ("empty", "none"):
            listed = []
        lite = values.get("resultType") == "idlist"
        answer: dict[str, Any] = {"version": "6.9", "hitCount": len(found) + self.world.surplus}
        if fault == "none":
            answer["hitCount"] = 0
        if found:
            following = base64.b64encode(str(start + len(listed)).encode()).decode()
            answer["nextCursorMark"] = following if listed and fault != "stuck" else mark
        answer["request"] = {
            "queryString": values["query"],
            "resultType": values.get("resultType", "lite"),
            "cursorMark": mark,
            "pageSize": size,
            "sort": "",
            "synonym": False,
        }
        results = [{"id": a.pmid, "source": "MED"} if lite else europepmc_core(a) for a in listed]
        answer["resultList"] = {"result": results}
        self._json(answer, cut=cut)

    def _openalex(self, service: str, values: dict[str, str], fault: str | None, cut: int) -> None:
        if len(self.path) + len(self.headers.get("host", "")) + 8 > _ADDRESS_LIMIT:
            self._send(
                400, b'{"error":"Request URL too long","message":"over the 4094-byte limit"}'
            )
            return
        found = list(self.world.there())
        for part in _filters(values["filter"]):
            name, _, value = part.partition(":")
            if name.startswith("title_and_abstract.search"):
                wanted = {article.number for article in self.hits(value)}
                found = [a for a in found if a.number in wanted]
            elif name in ("from_publication_date", "to_publication_date"):
                low = name.startswith("from")
                found = [
                    a
                    for a in found
                    if (a.entered.isoformat() >= value if low else a.entered.isoformat() <= value)
                ]
            elif name == "language":
                found = [a for a in found if a.language[1] == value]
            elif name in ("pmid", "doi"):
                found = [a for a in found if value in (a.pmid, a.doi)]
            else:
                self._send(
                    400,
                    json.dumps(
                        {"error": "Invalid filter", "message": f"Unknown filter field: {name}"}
                    ).encode(),
                )
                return
        found.sort(key=lambda a: (a.entered, a.number))
        size = int(values.get("per_page", 25))
        mark = values.get("cursor", "")
        page = int(values.get("page", 1))
        if mark and self.world.cursors_need_key and "authorization" not in self.headers:
            self._send(401, b'{"error":"Unauthorized","message":"Cursor paging needs an API key"}')
            return
        if page * size > self.world.by_number:
            self._send(400, b'{"error":"Pagination error.","message":"Maximum results size"}')
            return
        if fault == "expired" and mark not in ("", "*"):
            self._send(400, b'{"error":"Pagination error.","message":"Invalid cursor value"}')
            return
        start = (page - 1) * size if mark in ("", "*") else int(base64.b64decode(mark).decode())
        listed = found[start : start + size]
        if fault == "partial":
            listed = listed[: size // 2]
        if fault in ("empty", "none"):
            listed = []
        meta: dict[str, Any] = {
            "count": 0 if fault == "none" else len(found) + self.world.surplus,
            "db_response_time_ms": 5,
            "page": None if mark else page,
            "per_page": size,
            "groups_count": None,
            "x_query": {"oql": f"works where {values['filter'][:40]}"},
            "cost_usd": 0.001,
        }
        if fault == "partial":
            meta["timed_out"] = True
        if fault == "stuck" and mark:
            meta["next_cursor"] = mark
        elif mark:
            ended = len(listed) < size or start + size >= len(found)
            meta["next_cursor"] = (
                None if ended else base64.b64encode(str(start + size).encode()).decode()
            )
        headers = {"X-RateLimit-Remaining-USD": "0.0997", "X-RateLimit-Remaining": "997"}
        self._json(
            {"meta": meta, "results": list(map(openalex_work, listed)), "group_by": []},
            headers=headers,
            cut=cut,
        )


def _day(text: str) -> dt.date:
    return dt.date.fromisoformat(text.replace("/", "-"))


def _filters(text: str) -> list[str]:
    parts, quoted, start = [], False, 0
    for place, letter in enumerate(text):
        quoted ^= letter == '"'
        if letter == "," and not quoted:
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]
