"""The search log as Markdown and as a table."""

from __future__ import annotations

import csv
import io

from api import __version__
from api.services.reporting.search_log import ITEMS, Log, LogSearch
from api.wording import count_noun, describe_run_state
from store.searching.runs.runs import RunInfo

COLUMNS = (
    *("search", "source", "platform", "kind", "date", "searcher", "strategy_version", "line"),
    *("hits_per_line", "reported", "reported_at_most", "received", "filtered", "rejected", "gap"),
    *("gap_reason", "runs", "losses"),
    *(f"{number} {name}" for number, name in ITEMS.items()),
)


# A spreadsheet runs a cell that begins with one of these as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _safe_cell(value: object) -> object:
    """A cell that no spreadsheet runs: people open this table, and no program reads it back."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def as_markdown(log: Log) -> str:
    """The log for reading, PRISMA-S item by item and search by search."""
    out = [
        f"# Search log: {log.title}",
        "",
        f"Follows PRISMA-S (Rethlefsen et al. 2021). Generated {log.made_at:%Y-%m-%d %H:%M} UTC by "
        f"Winnow {__version__} from what people stated and what Winnow ran and counted.",
    ]
    if log.note:
        out += ["", f"Note on the strategy: {log.note}"]
    out += [line for remark in log.remarks for line in ("", remark)]
    if log.to_be_stated:
        out += ["", "## Still to be stated", ""]
        out += [f"- {line[0].upper()}{line[1:]}" for line in log.to_be_stated]
    out += ["", "## The 16 items", ""]
    out += [f"{number}. **{name}.** {log.items[number]}" for number, name in ITEMS.items()]
    out += ["", "## Searches", "", *_overview(log)]
    for search in log.searches:
        out += ["", *_search(search)]
    if log.pooled:
        out += ["", "## Incoming records", ""]
        out += [
            f"- {search.title}: run {search.answers[13]}; not counted above."
            for search in log.pooled
        ]
    if log.withdrawn:
        out += ["", "## Withdrawn", ""]
        out += [f"- {search.title}: {_why(search)}; not counted above." for search in log.withdrawn]
    return "\n".join(out) + "\n"


def _why(search: LogSearch) -> str:
    reasons = dict.fromkeys(b.withdrawn_reason for b in search.info.batches if b.withdrawn_reason)
    return "; ".join(filter(None, reasons)) or "no reason given"


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


def _overview(log: Log) -> list[str]:
    if not log.searches:
        return ["No search yet."]
    rows = [
        "| # | source | platform | date | reported | received | ineligible | unreadable "
        "| missing |",
        "|--:|---|---|---|--:|--:|--:|--:|--:|",
    ]
    for search in log.searches:
        info = search.info
        most = bool(search.runs) and search.runs[-1].at_most
        reported = (
            "not stated" if info.reported is None else f"{'≤ ' if most else ''}{info.reported:,}"
        )
        gap = "–" if info.gap is None or most else f"{info.gap:,}"
        cells = (
            search.number,
            info.source or "not stated",
            info.platform or "not stated",
            info.run_on or "not stated",
            reported,
            f"{info.received:,}",
            f"{search.filtered:,}",
            f"{search.rejected:,}",
            gap,
        )
        rows.append("| " + " | ".join(map(_cell, cells)) + " |")
    return rows


def _search(search: LogSearch) -> list[str]:
    info = search.info
    out = [f"### {search.title}", ""]
    if search.version is not None:
        out.append(
            f"Searched with strategy version {search.version}, line #{info.line}. "
            f"Searched by: {info.searcher or 'not stated'}."
        )
    else:
        names = ", ".join(
            f"{b.name} ({b.format}, SHA-256 {b.sha256[:12]}…)"
            for b in info.batches
            if not b.withdrawn_at
        )
        out.append(f"Imported: {names or 'no file'}. Searched by: {info.searcher or 'not stated'}.")
    out.append("")
    out += [
        f"{number}. **{name}.** {search.answers[number]}"
        for number, name in ITEMS.items()
        if number != 8
    ]
    as_run = ", as run" if search.runs or info.strategy else ""
    out += ["", f"**8. Full search strategy{as_run}**", ""]
    if search.note:
        out += [f"> {_cell(search.note)}", ""]
    if search.lines:
        out += ["| line | strategy | hits |", "|--:|---|--:|"]
        for line in search.lines:
            hits = "not countable" if line.hits is None else f"{line.hits:,}"
            mark = " **(run)**" if line.used else ""
            most = "≤ " if line.at_most else ""
            out.append(f"| #{line.number} | {_cell(line.text)}{mark} | {most}{hits} |")
        out.append("")
    for run in search.runs:
        out += _run(run)
    if not search.runs:
        out += _block(info.strategy) if info.strategy else ["Not stated."]
    if search.losses:
        out += ["", f"What {info.source} cannot express as written:", ""]
        out += [f"- {_cell(loss)}" for loss in search.losses]
    return out


def _run(run: RunInfo) -> list[str]:
    state = describe_run_state(run.state, run.shortfall) + (", waits" if run.held else "")
    out = [
        f"Run {run.id}, {run.started_at:%Y-%m-%d %H:%M} UTC: {state}"
        + (f" ({run.stop_reason})" if run.stop_reason else "")
        + f". Received {run.received:,} on {count_noun(run.pages, 'page')} = {run.new:,} new + "
        f"{run.changed:,} changed + {run.same:,} known already + {run.filtered:,} marked as "
        f"ineligible by automation tools + {run.rejected:,} unreadable"
        + (f" ({run.missing:,} of them listed but not sent)" if run.missing else "")
        + f"; {count_noun(run.unique, 'different record')}.",
        "",
    ]
    out += [f"- {entry}" for entry in run.log]
    out += [f"- Problem: {problem}" for problem in run.problems]
    out += [f"- Warning by the source: {w['kind']}: {w['phrase']}" for w in run.warnings]
    if run.released_reason:
        out.append(f"- Let in although {run.stop_reason}: {run.released_reason}")
    out += ["As sent:", "", *(line for query in run.queries for line in _block(query))]
    if run.understood and run.understood not in run.queries:
        out += ["As the source understood it:", "", *_block(run.understood)]
    return out


def _block(text: str) -> list[str]:
    # A fence longer than any run of backquotes within.
    fence = "````" if "```" in text else "```"
    return [f"{fence}text", text, fence, ""]


def as_csv(log: Log) -> str:
    """One row for each search, one column for each item."""
    buffer = io.StringIO()
    buffer.write("\ufeff")
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for search in (*log.searches, *log.withdrawn):
        info = search.info
        hits = [
            f"#{line.number}: {'≤ ' if line.at_most else ''}"
            f"{'not countable' if line.hits is None else line.hits}"
            for line in search.lines
        ]
        row = {
            "search": search.number,
            "source": info.source,
            "platform": info.platform,
            "kind": "withdrawn" if info.withdrawn else info.kind,
            "date": info.run_on,
            "searcher": info.searcher,
            "strategy_version": search.version,
            "line": info.line,
            "hits_per_line": "; ".join(hits),
            "reported": info.reported,
            "reported_at_most": bool(search.runs) and search.runs[-1].at_most,
            "received": info.received,
            "filtered": search.filtered,
            "rejected": search.rejected,
            "gap": info.gap,
            "gap_reason": info.gap_reason,
            "runs": "; ".join(
                f"run {run.id}: {describe_run_state(run.state, run.shortfall)}"
                for run in search.runs
            ),
            "losses": "; ".join(search.losses),
            **{f"{number} {name}": search.answers[number] for number, name in ITEMS.items()},
        }
        writer.writerow({key: _safe_cell(value) for key, value in row.items()})
    return buffer.getvalue()


WRITERS = {"md": as_markdown, "csv": as_csv}
