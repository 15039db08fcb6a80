"""Check the list of known studies again: which were found, which included, and how early."""

import json
import re
import unicodedata

import numpy as np
from scipy.stats import poisson

SHARES = (0.05, 0.1, 0.2, 0.5)
DEPTHS = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


def folded(title):
    """Letters and digits of a title."""
    plain = unicodedata.normalize("NFKD", (title or "").lower())
    return re.sub(r"[^a-z0-9]", "", plain)


def found_reports(data):
    """The report of each known study; None if it is not among the records."""
    record = data["record"]
    record = record[record.active == 1].sort_values(["report_id", "id"])
    by_doi = record.dropna(subset=["doi"]).groupby("doi").report_id.first()
    by_title = record.assign(folded=record.title.map(folded)).groupby("folded").report_id.first()
    gold = data["gold_record"]
    reports = []
    for study in gold.itertuples():
        report = by_doi.get(study.doi) if study.doi else None
        if report is None and folded(study.title):
            report = by_title.get(folded(study.title))
        reports.append(report)
    return gold.assign(report=np.array(reports, float))


def ends(drawn):
    """Between which values the two ends of a 95 % interval lie.

    Other draws give other percentiles: between the 1st and the 5th of 100, and likewise above.
    """
    if not drawn:
        return None, None
    low, over, under, high = np.percentile(drawn, [1, 5, 95, 99]).tolist()
    return [low, over], [under, high]


def interval(places, figure):
    """A 95 % interval by drawing the studies again, with draws of its own."""
    rng = np.random.default_rng(77)
    drawn = [float(figure(rng.choice(places, len(places)))) for _ in range(2000)]
    if len(set(drawn)) == 1:
        # Every draw is the same: Wilson's interval of all or none.
        share, n, z = drawn[0], len(places), 1.959963984540054
        if share in (0.0, 1.0):
            edge = z * z / (n + z * z)
            return (0.0, edge) if share == 0 else (1 - edge, 1.0)
    return ends(drawn)


def entries_of(data, copies):
    """The entries of some records that were kept, of files that were not withdrawn."""
    entries = data["batch_entry"].merge(data["batch"], left_on="batch_id", right_on="id")
    return entries[
        entries.record_id.isin(copies.id)
        & (entries.fate != "filtered")
        & entries.withdrawn_at.isna()
    ]


def sources_of(data, copies):
    """The sources that brought a report."""
    names = data["search"].set_index("id").source
    return sorted({names[number] for number in entries_of(data, copies).search_id})


def wilson(found, counted):
    """Wilson's 95 % interval of a share."""
    if not counted:
        return None, None
    z, share = 1.959963984540054, found / counted
    middle = share + z * z / (2 * counted)
    half = z * np.sqrt(share * (1 - share) / counted + z * z / (4 * counted**2))
    scale = 1 + z * z / counted
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def put_share(figures, name, found, counted):
    """A share with its interval."""
    low, high = wilson(found, counted)
    figures |= {
        f"{name}.found": found,
        f"{name}.counted": counted,
        f"{name}.value": found / counted,
    }
    figures |= {f"{name}.low": low, f"{name}.high": high}


def outcome(data, gold, rows):
    """What became of the known studies within the limits, from end to end.

    Those that shaped the search or were shown to the ranking are left out.
    """
    free = gold[(gold.search_use == "validation") & (gold.ranking_use == "held_out")]
    scope = free[free.scope]
    state = rows.set_index("report")
    found = [report for report in scope.report if report == report]
    words = [state.decision.get(report) for report in found]
    figures = {
        "outcome.known": len(scope),
        "outcome.excluded": sum(word == "exclude" for word in words),
        "outcome.missing": len(scope) - len(found),
        "outcome.out_of_scope": int((~free.scope).sum()),
        "outcome.not_matched": 0,
    }
    counted = len(scope)
    put_share(figures, "outcome.included", sum(word == "include" for word in words), counted)
    undecided = sum(word != "exclude" for word in words)
    put_share(figures, "outcome.included_or_undecided", undecided, counted)
    reached = sum(state["first"].get(report) == state["first"].get(report) for report in found)
    put_share(figures, "outcome.reached", reached, counted)
    checks = gold[gold.scope & (gold.search_use == "validation")]
    names = data["search"].set_index("id")
    withdrawn = data["batch"].groupby("search_id").withdrawn_at.apply(lambda at: at.notna().all())
    record = data["record"]
    brought = [
        sources_of(data, record[record.report_id == report])
        for report in checks.report
        if report == report
    ]
    for number, search in names.iterrows():
        if not withdrawn.get(number, False):
            name = f"outcome.source.{search.source}"
            put_share(figures, name, sum(search.source in own for own in brought), len(checks))
    return figures


def drift(data, order, relevant, rows):
    """How early the known studies came among the records that were read in ranked order."""
    pilots = set(data["pilot_report"].report_id)
    read = order[~order.report.isin(pilots)]
    size = len(read)
    places = np.flatnonzero(read.report.isin(relevant).to_numpy()) + 1
    figures = {"drift.left_out": len(order) - size, "drift.counted": len(places)}
    for share in (1, 2, 5, *range(10, 100, 10)):
        figures[f"drift.{share:.1f}"] = float((places <= share * size / 100).mean())
    settled = rows[rows.decision.notna()].sort_values("first")
    ranked = ~settled.report.isin(pilots).to_numpy()
    kept = settled.decision.isin(["include", "maybe"]).to_numpy()[ranked]
    before = np.concatenate([[0], np.cumsum(ranked)])
    expected, found, records, free_from = 0.0, 0, 0, 0
    for ranking in data["ranking"].sort_values("id").itertuples():
        span = (json.loads(ranking.detail).get("expected") or {}).get("50")
        learned = before[min(ranking.n_decisions, len(settled))]
        if span is None or learned < free_from or learned + 50 > len(kept):
            continue
        expected += span
        found += int(kept[learned : learned + 50].sum())
        records += 50
        free_from = learned + 50
    if records:
        likely = poisson(expected).ppf([0.025, 0.975])
        figures |= {
            "drift.records": records,
            "drift.expected": expected,
            "drift.found": found,
            "drift.low": likely[0],
            "drift.high": likely[1],
        }
    return figures


# One name for what sources write in two ways.
LANGUAGES = {"eng": "English", "en": "English", "ger": "German", "nor": "Norwegian"}
TYPES = {"JOUR": "Journal Article"}


def kinds_of(data, study):
    """The kinds that a known study is of, by attribute."""
    found = {"years": [], "language": [], "publication type": [], "source": []}
    record = data["record"]
    if study.year == study.year and study.year:
        first = int(study.year) - int(study.year) % 5
        found["years"] = [f"{first} to {first + 4}"]
    if study.report == study.report:
        copies = record[record.report_id == study.report].sort_values("id")
        # The copy that the first search brought stands for the study.
        first = entries_of(data, copies).groupby("record_id").search_id.min()
        counting = copies.assign(first=copies.id.map(first)).dropna(subset=["first"])
        counting = counting.sort_values(["first", "id"])
        own = counting[counting.doi == study.doi] if study.doi else counting
        matched = own.iloc[0] if len(own) else counting.iloc[0]
        found["language"] = [matched.language] if matched.language else []
        found["language"] = [LANGUAGES.get(name, name) for name in found["language"]]
        types = [TYPES.get(name, name) for name in json.loads(matched.types)]
        found["publication type"] = list(dict.fromkeys(types))
        found["source"] = sources_of(data, copies)
    return {name: values or ["not stated"] for name, values in found.items()}


def by_kind(data, gold, places, included, size):
    """Recall of each kind of each attribute that has two kinds or more."""
    rows = []
    for study in gold[gold.scope].itertuples():
        counts = study.search_use == "validation"
        place = places.get(study.report)
        if counts or place:
            rows.append((kinds_of(data, study), counts, study.report in included, place, study))
    figures = {}
    for attribute in ("years", "language", "publication type", "source"):
        values = sorted({value for kinds, *_ in rows for value in kinds[attribute]})
        for value in values if 1 < len(values) <= 20 else ():
            if attribute == "source" and value == "not stated":
                continue
            own = [row for row in rows if value in row[0][attribute]]
            placed = np.array([row[3] for row in own if row[3]])
            name = f"kind.{attribute}.{value}"
            held = [row[4].report == row[4].report for row in own if row[1]]
            if attribute == "source":
                # Each source is asked for all studies that may check the search.
                held += [False] * (sum(row[1] for row in rows) - len(held))
            figures |= {
                f"{name}.held": sum(held),
                f"{name}.counted": len(held),
                f"{name}.found": sum(bool(row[2] and row[3]) for row in own),
                f"{name}.relevant": len(placed),
            }
            if len(placed):
                low, high = interval(placed, lambda drawn: np.mean(drawn) / size)
                figures |= {
                    f"{name}.recall": float((placed <= int(0.1 * size)).mean()),
                    f"{name}.place": float(placed.mean() / size),
                    f"{name}.place.low": low,
                    f"{name}.place.high": high,
                }
    return figures


def known(data, rows):
    """Recall of the search and of the order, with the studies in scope alone."""
    limits = json.loads(data["protocol"].sort_values("version").body.iloc[-1])["limits"]
    gold = found_reports(data)
    year = gold.year.fillna(limits["year_from"])
    gold = gold.assign(scope=(year >= limits["year_from"]) & (year <= limits["year_to"]))
    checks = gold[(gold.search_use == "validation") & gold.scope]
    held = gold[(gold.ranking_use == "held_out") & gold.scope]
    seeds = set(gold[gold.ranking_use == "seed"].report.dropna())
    relevant = {int(report) for report in held.report.dropna()} - seeds
    order = rows.assign(place=rows["first"].fillna(np.inf)).sort_values("place")
    order = order[~order.report.isin(seeds)]
    places = np.flatnonzero(order.report.isin(relevant).to_numpy()) + 1
    decided = dict(zip(order.report, order.decision, strict=True))
    size = len(order)
    figures = {
        "known.records": len(gold),
        "known.search.counted": len(checks),
        "known.search.found": int(checks.report.notna().sum()),
        "known.search.recall": float(checks.report.notna().mean()) if len(checks) else None,
        "known.search.missing": int(checks.report.isna().sum()),
        "known.search.out_of_scope": int((~gold[gold.search_use == "validation"].scope).sum()),
        "known.held_out": int((gold.ranking_use == "held_out").sum()),
        "known.out_of_scope": int((~gold[gold.ranking_use == "held_out"].scope).sum()),
        "known.relevant": len(relevant),
        "known.unplaced": len(held) - len(relevant),
        "known.seeds": int(rows.report.isin(seeds).sum()),
        "known.reports": size,
        "known.read": int(order.decision.notna().sum()),
        "known.found": sum(decided[each] in ("include", "maybe") for each in relevant),
        "known.excluded": sum(decided[each] == "exclude" for each in relevant),
        "known.undated": int(data["gold_record"].year.isna().sum()),
        "known.places": places.tolist(),
    }
    if len(checks):
        low, high = wilson(int(checks.report.notna().sum()), len(checks))
        figures |= {"known.search.low": low, "known.search.high": high}
    figures |= outcome(data, gold, rows) | drift(data, order, relevant, rows)
    if len(places):
        depths = {str(depth): depth for depth in DEPTHS if depth < size}
        depths |= {f"{share:.0%}": int(share * size) for share in SHARES}
        for name, depth in depths.items():
            figures[f"known.recall_at.{name}"] = float((places <= depth).mean())
            figures[f"known.random.{name}"] = depth / size
            low, high = interval(places, lambda drawn, k=depth: (drawn <= k).mean())
            figures |= {f"known.recall_at.{name}.low": low, f"known.recall_at.{name}.high": high}
        last = int(np.ceil(0.95 * len(places) - 1e-9)) - 1
        figures |= {
            "known.reads_to_95": int(places[last]),
            "known.reads_to_100": int(places[-1]),
            "known.wss95": 0.95 - places[last] / size,
            "known.wss100": 1 - places[-1] / size,
            "known.atd": float(np.mean(places / size)),
            "known.atd.random": (size + 1) / (2 * size),
        }
        saved = interval(places, lambda drawn: 0.95 - np.sort(drawn)[last] / size)
        mean = interval(places, lambda drawn: np.mean(drawn / size))
        at = dict(zip(order.report, range(1, size + 1), strict=True))
        placed = {report: at[report] for report in relevant if report in at}
        included = {each for each, word in decided.items() if word in ("include", "maybe")}
        figures |= by_kind(data, gold, placed, included, size)
        figures |= {"known.wss95.low": saved[0], "known.wss95.high": saved[1]}
        figures |= {"known.atd.low": mean[0], "known.atd.high": mean[1]}
    return figures
