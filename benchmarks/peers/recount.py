"""Count a review again from its database, with pandas and scikit-learn alone: DATABASE.

Prints one JSON object of figures by name. It imports nothing of the product: the rules are written
here a second time, from docs/team.md, docs/evaluation.md and the PRISMA flow.
"""

import hashlib
import json
import sqlite3
import sys

import pandas as pd
from recount_agreement import agreement
from recount_known import known
from recount_searches import searches

INCLUDING = ("include", "maybe")


def tables(path):
    """Every table that is read, as data frames."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    names = (
        *("batch", "batch_entry", "batch_rejected", "record", "report", "decision", "protocol"),
        *("pilot", "pilot_report", "pilot_person", "identity", "search", "run", "line_hits"),
        *("gold_record", "ranking", "strategy", "pair"),
    )
    return {name: plain(pd.read_sql(f'SELECT * FROM "{name}"', connection)) for name in names}


def plain(frame):
    """A table whose texts are Python's, None where there is none; pandas 3 has its own type."""
    texts = [name for name in frame if pd.api.types.is_string_dtype(frame[name])]
    for name in texts:
        values = frame[name].astype(object)
        frame[name] = values.where(values.notna(), None)
    return frame


def drawn(seed, purpose, report):
    """The plan's draw of a report, from 0 up to 1."""
    digest = hashlib.blake2b(f"{seed} {purpose} {report}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def flow(data):
    """What became of every entry."""
    batch = data["batch"]
    live = batch[batch.withdrawn_at.isna() & (batch.pooled == 0)]
    entries = data["batch_entry"].merge(live, left_on="batch_id", right_on="id")
    first = entries.groupby(["search_id", "record_id"]).batch_id.transform("min")
    counted = entries[entries.batch_id == first]
    lost = data["batch_rejected"].merge(live, left_on="batch_id", right_on="id")
    lost = lost[
        (lost.excerpt == "")
        | (
            lost.batch_id
            == lost.groupby(["search_id", "reason", "excerpt"]).batch_id.transform("min")
        )
    ]
    kept = entries[entries.fate != "filtered"].record_id.unique()
    records = data["record"].set_index("id")
    reports = records.loc[counted.record_id.unique()]
    by_report = reports.assign(kept=reports.index.isin(kept)).groupby("report_id")
    report_kept = by_report.kept.any()
    notices = by_report.notice.max()[~report_kept].sum()
    outside = out_of_range(data, report_kept.index[report_kept])
    screened = [report for report in report_kept.index[report_kept] if report not in outside]
    return {
        "flow.identified": len(counted) + len(lost),
        "flow.rejected": len(lost),
        "flow.filtered": int((~report_kept).sum()),
        "flow.notices": int(notices),
        "flow.out_of_range": len(outside),
        "flow.duplicates": len(counted) - len(report_kept),
        "reports": screened,
    }


def limits_of(data):
    """The first and the last year of the newest protocol."""
    limits = json.loads(data["protocol"].sort_values("version").body.iloc[-1])["limits"]
    return limits["year_from"], limits["year_to"]


def out_of_range(data, reports):
    """Reports that have years, none of them within the limits, and that nobody has decided."""
    first, last = limits_of(data)
    record = data["record"]
    dated = record[(record.active == 1) & record.report_id.isin(reports)].dropna(subset=["year"])
    within = dated.year.between(first, last).groupby(dated.report_id).any()
    decided = set(data["decision"].record_id.map(record.set_index("id").report_id))
    return set(within.index[~within]) - decided


def questions(data):
    """Pairs of reports of which a person must say whether they are one."""
    report_of = data["record"].set_index("id").report_id
    pairs = data["pair"]
    pairs = pairs[pairs.label.isin(["ask", "same"]) & pairs.superseded_at.isna()]
    reports = pd.DataFrame({"a": pairs.a_id.map(report_of), "b": pairs.b_id.map(report_of)})
    apart = reports[reports.a != reports.b]
    return len({(min(pair), max(pair)) for pair in apart.itertuples(index=False, name=None)})


def logs(data):
    """Each report's lines of its log, by report."""
    decision = data["decision"]
    report_of = data["record"].set_index("id").report_id
    decision = decision.assign(report=decision.record_id.map(report_of))
    return dict(iter(decision.sort_values("id").groupby("report")))


def plan(data):
    """Dual share, share of second looks and seed of the newest protocol."""
    body = json.loads(data["protocol"].sort_values("version").body.iloc[-1])
    (stage,) = body["plans"]
    return stage["dual_share"], stage["second_look"], stage["seed"]


def settle(active, needed):
    """State and decision of a report, from its active decisions."""
    if not active:
        return "open", None
    if needed <= 1:
        return "settled", active[-1]
    over = [line for line in active if line.kind not in ("own", "look")]
    if over:
        return "settled", over[-1]
    own = {line.person_id: line for line in active}
    if len(own) < needed:
        return "awaiting", None
    kept = [line for line in own.values() if line.decision in INCLUDING]
    if not kept:
        return "settled", max(own.values(), key=lambda line: line.id)
    if len(kept) < len(own):
        return "conflict", None
    best = [line for line in kept if line.decision == "include"] or kept
    return "settled", max(best, key=lambda line: line.id)


def screened(data, reports):
    """How each report was decided: one row a report."""
    share, look, seed = plan(data)
    log = logs(data)
    rounds = {}
    for row in data["pilot"].itertuples():
        people = set(data["pilot_person"][data["pilot_person"].pilot_id == row.id].person_id)
        for report in data["pilot_report"][data["pilot_report"].pilot_id == row.id].report_id:
            rounds[report] = (row, people)
    rows = []
    for report in reports:
        lines = list(log[report].itertuples()) if report in log else []
        pilot, people = rounds.get(report, (None, set()))
        dual = drawn(seed, "dual", report) < share
        looked = drawn(seed, "second look", report) < look
        active, independent, complete = [], None, False
        corrected, way_people = False, set()

        def needed(at, active, pilot=pilot, people=people, dual=dual, looked=looked):
            by_plan = 2 if dual or (active and active[0].decision == "exclude" and looked) else 1
            if pilot is None:
                return by_plan
            still_open = pilot.closed_at is None or at < pilot.closed_at
            return (
                len(people)
                if still_open
                else max(
                    by_plan,
                    len({line.person_id for line in active}) if len(active) > 1 else by_plan,
                )
            )

        for line in lines:
            if not complete and active:
                complete = settle(active, needed(line.recorded_at, active))[0] in (
                    "settled",
                    "conflict",
                )
                if complete:
                    independent = first_by_person(active)
            if line.decision == "undo":
                active = [one for one in active if one.id != line.supersedes]
                continue
            if complete and line.kind == "own":
                corrected = True
            active.append(line)
            if not complete and settle(active, needed(line.recorded_at, active))[0] in (
                "settled",
                "conflict",
            ):
                complete, independent = True, first_by_person(active)
        if independent is None:
            independent = first_by_person(active)
        state, counts = settle(active, needed("9999", active))
        way_people = set(independent)
        way = (
            "pilot"
            if pilot is not None
            else "dual"
            if dual
            else "verified"
            if len(way_people) > 1
            else "single"
        )
        rows.append(
            {
                "report": report,
                "state": state,
                "decision": counts.decision if counts is not None else None,
                "kind": counts.kind if counts is not None else None,
                "counts": counts.id if counts is not None else None,
                "way": way,
                "people": len(way_people),
                "independent": {p: line.decision for p, line in independent.items()},
                "corrected": corrected,
                "first": active[0].id if active else None,
                "order": min((line.id for line in independent.values()), default=0),
                "readers": len({one.person_id for one in lines if one.decision != "undo"}),
            }
        )
    return pd.DataFrame(rows)


def first_by_person(active):
    """Each person's first own decision that is not undone."""
    found = {}
    for line in active:
        if line.kind in ("own", "look"):
            found.setdefault(line.person_id, line)
    return found


def ranked(data, rows):
    """What the rankings saw."""
    own = data["decision"]
    undone = own.supersedes[own.decision == "undo"]
    own = own[own.kind.isin(["own", "look"]) & (own.decision != "undo") & ~own.id.isin(undone)]
    newest = data["ranking"].sort_values("id").iloc[-1]
    records = data["record"].set_index("id")
    # A drawn report may have been merged into another one since.
    drawn = records.report_id[records.own_report_id.isin(data["pilot_report"].report_id)]
    in_pilot = own.record_id.map(records.report_id).isin(drawn)
    return {
        "order.shown": int((own.ranking_id.notna() & ~in_pilot).sum()),
        "order.drawn": int(in_pilot.sum()),
        "order.decided": len(own),
        "order.rankings": len(data["ranking"]),
        "order.cold": int(data["ranking"].cold_start.sum()),
        "order.learned": int(rows.decision.notna().sum()),
        "order.relevant": int(rows.decision.isin(INCLUDING).sum()),
        "order.newest": int(newest.id),
    }


def work(rows):
    """Who decided what, as in the screening report."""
    done = rows[rows.state.isin(["settled", "conflict"])]
    together = done[done.way.isin(["pilot", "dual"])]
    verified = done[done.way == "verified"]
    excluded = done[done.decision == "exclude"]
    return {
        "work.people": len({p for each in done.independent for p in each}),
        "work.single": int(((done.way == "single") & (done.people == 1)).sum()),
        **{
            f"work.together.{n}": int((together.people == n).sum())
            for n in sorted(together.people.unique())
        },
        "work.in_pilots": int((together.way == "pilot").sum()),
        "work.verified.records": len(verified),
        "work.verified.overturned": int(verified.decision.isin(INCLUDING).sum()),
        "work.verified.unsettled": int((verified.state == "conflict").sum()),
        "work.joint": int((done.kind == "consensus").sum()),
        "work.adjudicated": int((done.kind == "adjudication").sum()),
        "work.settled": int(done.kind.isin(["consensus", "adjudication"]).sum()),
        "work.corrected": int(done.corrected.sum()),
        "work.alone": int((excluded.readers == 1).sum()),
        "work.excluded": len(excluded),
    }


def counts(data, rows):
    """Records by decision."""
    record = data["record"]
    active = record[(record.active == 1) & record.report_id.isin(rows.report)]
    with_text = active.groupby("report_id").abstract.apply(lambda texts: texts.notna().any())
    words = rows.decision.value_counts()
    found = {word: int(words.get(word, 0)) for word in ("include", "exclude", "maybe")}
    return {
        "counts.records": len(active),
        "counts.reports": len(rows),
        "counts.without_abstract": int((~with_text).sum()),
        **{f"counts.{word}": number for word, number in found.items()},
        "counts.decided": sum(found.values()),
        "counts.undecided": len(rows) - sum(found.values()),
        "counts.awaiting": int((rows.state == "awaiting").sum()),
        "counts.conflict": int((rows.state == "conflict").sum()),
        "counts.not_screened": int((rows.state == "open").sum()),
        "counts.included_or_maybe": found["include"] + found["maybe"],
    }


def main():
    """Print the figures of the database's only review."""
    data = tables(sys.argv[1])
    figures = flow(data)
    rows = screened(data, figures.pop("reports"))
    figures |= counts(data, rows)
    figures |= {
        "flow.other": figures["flow.rejected"] + figures["flow.out_of_range"],
        "flow.screened": figures["counts.decided"],
        "flow.not_screened": figures["counts.undecided"],
        "flow.waiting": 0,
        "flow.included": figures["counts.include"],
        "flow.excluded": figures["counts.exclude"],
        "flow.maybe": figures["counts.maybe"],
    }
    figures |= work(rows) | agreement(data, rows, "agreement")
    for pilot in data["pilot"].itertuples():
        chosen = data["pilot_report"][data["pilot_report"].pilot_id == pilot.id].report_id
        figures |= agreement(data, rows[rows.report.isin(chosen)], f"pilot.{pilot.number}")
        figures[f"pilot.{pilot.number}.drawn"] = len(chosen)
        people = data["identity"].set_index("person_id").name
        for person in data["pilot_person"][data["pilot_person"].pilot_id == pilot.id].person_id:
            within = rows[rows.report.isin(chosen)].independent
            figures[f"pilot.{pilot.number}.{people[person]}"] = sum(person in d for d in within)
    figures |= searches(data) | known(data, rows)
    order = rows[rows.counts.notna()].sort_values("first")
    figures["progress.found"] = [0, *(order.decision == "include").cumsum().tolist()]
    figures |= ranked(data, rows)
    figures["pilot.number"] = int(data["pilot"].number.max())
    figures["flow.questions"] = questions(data)
    figures["limits.first"], figures["limits.last"] = limits_of(data)
    figures["plan.dual"] = plan(data)[0]
    figures["protocol.version"] = int(data["protocol"].version.max())
    print(json.dumps(figures, default=float))


if __name__ == "__main__":
    main()
