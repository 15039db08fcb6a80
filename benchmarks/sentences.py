"""The sentences of the documents that print figures; see ``printed``."""

from __future__ import annotations

from typing import Final

from benchmarks.printed import measure, share

_PAIR: Final = "agreement.(one)-(other)"
_BLOCK: Final = "block.(one)-(other).(first)"
AGREEMENT_CONTEXT: Final = (r"^(?P<one>\w+) and (?P<other>\w+) over time",)
_VERDICT: Final = (
    "Of the records that at least one person included, everybody who decided them included "
)
_REMOVED: Final = (
    "{flow.identified} records identified. Records removed before screening: {flow.duplicates} "
    "duplicate[[s]][[, {flow.filtered} marked as ineligible by automation tools[[ (of which "
    "{flow.notices} notice[[s]] about another report, such as a retraction)]]]]"
    "[[, {flow.other} for other reasons (outside the protocol's years, {limits.first} to "
    "{limits.last})]]."
)
REPORT: Final = (
    "by version {protocol.version} of the protocol",
    "two people independently decide {plan.dual:%} % of the records",
    _REMOVED,
    "{counts.reports} records were left to screen.",
    "At title and abstract, {counts.include} were included[[, {counts.maybe} kept as *maybe*]] and "
    "{counts.exclude} excluded.",
    "{work.people} people screened.",
    "{work.single} records were decided by one person.",
    "{work.together.2} records were decided by 2 people independently.",
    "{work.together.3} records were decided by 3 people independently.",
    "{work.in_pilots} of the records decided independently were in pilot rounds.",
    "{work.verified.records} excludes were verified by a second person; "
    "{work.verified.overturned} overturned.",
    "{work.settled} conflicts were settled: {work.joint} by the people who differed, "
    "{work.adjudicated} by a third person.",
    "On {work.corrected} records a person made a further decision",
    "{work.alone} of {work.excluded} excluded records were read by one person alone.",
    "Round {pilot.number}: {pilot.1.drawn} records",
    "({pilot.1.people} people in all). " + _VERDICT + share("pilot.1.in_common") + ". The same "
    "decision on "
    + share("pilot.1.same", " records")
    + "; Krippendorff's alpha "
    + measure("pilot.1.alpha")
    + ".",
    _VERDICT + share("agreement.in_common"),
    "on {agreement.records} records ({agreement.dual} drawn for two people, {agreement.pilot} "
    "drawn for pilot rounds)",
    "- <one> and <other>: the same decision on "
    + share(f"{_PAIR}.raw", " records")
    + "; included by "
    "both, of those that either included, "
    + share(f"{_PAIR}.in_common")
    + "; positive agreement "
    + measure(f"{_PAIR}.positive_agreement")
    + "; negative agreement "
    + measure(f"{_PAIR}.negative_agreement")
    + "; Cohen's kappa "
    + measure(f"{_PAIR}.kappa")
    + ", with *maybe* apart "
    + measure(f"{_PAIR}.kappa_three_words"),
    "All {agreement.people} people together: the same decision on "
    + share("agreement.same", " records")
    + "; Krippendorff's alpha "
    + measure("agreement.alpha")
    + ".",
    "{order.shown} of {order.decided} decisions were made on records that a ranking had put in "
    "order.[[ {order.drawn} were made on records that were drawn at random for pilot rounds.]]",
    "{order.rankings} rankings on ",
    "{order.cold} of them were made before",
    "{order.cold} of them was made before",
)
AGREEMENT: Final = (
    "Round {pilot.number}: {pilot.1.drawn} records",
    "lead decided {pilot.1.lead}, ana decided {pilot.1.ana}, ben decided {pilot.1.ben}, cem "
    "decided {pilot.1.cem}.",
    "ana decided {pilot.1.ana}, ben decided {pilot.1.ben}, cem decided {pilot.1.cem}.",
    _VERDICT
    + share("pilot.1.in_common")
    + ". They gave the same decision on "
    + share("pilot.1.same", " records")
    + "; Krippendorff's alpha "
    + measure("pilot.1.alpha", ""),
    _VERDICT + share("agreement.in_common"),
    "{agreement.records} records were decided by two or more people independently: "
    "{agreement.dual} drawn for two people, {agreement.pilot} in pilot rounds.",
    "<one> and <other> | {agreement.(one)-(other).records} | "
    + share(f"{_PAIR}.raw")
    + " | "
    + share(f"{_PAIR}.in_common")
    + " | "
    + measure(f"{_PAIR}.positive_agreement", "")
    + " | "
    + measure(f"{_PAIR}.negative_agreement", "")
    + " | "
    + measure(f"{_PAIR}.kappa", "")
    + " | "
    + measure(f"{_PAIR}.kappa_three_words", "")
    + " |",
    "<first> to <last> | "
    + share(f"{_BLOCK}.raw")
    + " | "
    + share(f"{_BLOCK}.in_common")
    + " | "
    + measure(f"{_BLOCK}.kappa", "")
    + " |",
    "<first> to <last> | "
    + share(f"{_BLOCK}.raw")
    + " | none | "
    + measure(f"{_BLOCK}.kappa", "")
    + " |",
    "<first> to <last> | "
    + share(f"{_BLOCK}.raw")
    + " | "
    + share(f"{_BLOCK}.in_common")
    + " | not defined |",
    "<first> to <last> | " + share(f"{_BLOCK}.raw") + " | none | not defined |",
    "All {agreement.people} people together: Krippendorff's alpha "
    + measure("agreement.alpha", "")
    + "; the same decision on "
    + share("agreement.same", " records")
    + ".",
    "{work.verified.records} excludes were verified by a second person; "
    "{work.verified.overturned} overturned.",
)
_RECEIVED: Final = (
    "Records received: {search.(number).received}[[, of which {search.(number).filtered} marked "
    "as ineligible by automation tools]].[[ Difference: {search.(number).gap} missing (not "
    "explained).]]"
)
LOG: Final = (
    _REMOVED + " Records screened: {flow.screened}; not screened yet: {flow.not_screened}.",
    "{flow.duplicates} duplicate record[[s]] removed.[[ {flow.questions} pair[[s]] of records "
    "wait[[s]] for a person]]",
    "Records reported by the source: {search.(number).reported}. " + _RECEIVED,
    "Records reported by the source: not stated. " + _RECEIVED,
    "| <number> | <name*> | <host*> | <day> | {search.(number).reported} | "
    "{search.(number).received} | {search.(number).filtered} | {search.(number).rejected} | "
    "{search.(number).gap} |",
    "| <number> | <name*> | <host*> | <day> | not stated | {search.(number).received} | "
    "{search.(number).filtered} | {search.(number).rejected} | – |",
    "Winnow applied the strategy again to what came), {search.(number).losses} term",
    "| #<line> | <text*> | {search.(number).line.(line)} |",
    "with strategy version {strategy.version}, line #",
    "(strategy version {strategy.version})",
    "Received {run.(run).received} on {run.(run).pages} page[[s]] = {run.(run).new} new + "
    "{run.(run).changed} changed + {run.(run).same} known already + {run.(run).filtered} marked "
    "as ineligible by automation tools + {run.(run).rejected} unreadable; "
    "{run.(run).unique} different records.",
)
LOG_CONTEXT: Final = (r"^### Search (?P<number>\d+):", r"^Run (?P<run>\d+), ")
_OUTCOME: Final = (
    "{{outcome.{0}.found}} of {{outcome.{0}.counted}} | {{outcome.{0}.value:%}} %; 95 % interval "
    "{{outcome.{0}.low:%}} to {{outcome.{0}.high:%}} %"
)
_HELD: Final = (
    "{kind.(attribute).(kind).held} of {kind.(attribute).(kind).counted} | "
    "{kind.(attribute).(kind).found} of {kind.(attribute).(kind).relevant} | "
)
OVERVIEW: Final = (
    "Records: {counts.reports}",
    "Included: {counts.include}",
    "Maybe: {counts.maybe}",
    "Excluded: {counts.exclude}",
    "Need a second person: {counts.awaiting}",
    "Conflict: {counts.conflict}",
    "Not screened: {counts.not_screened}",
    "{flow.out_of_range} records outside {limits.first} to {limits.last} are left out",
    "Learns from {order.learned} settled decisions, {order.relevant} of them include or maybe",
    "{counts.without_abstract} records have no abstract",
    "{known.records} known studies are listed.",
)
EVALUATION: Final = (
    "Checked against {known.records} known studies.",
    "Included | " + _OUTCOME.format("included") + " |",
    "Included or still undecided | " + _OUTCOME.format("included_or_undecided") + " |",
    "Reached (read by somebody) | " + _OUTCOME.format("reached") + " |",
    "Each share is of the {outcome.known} known studies within the limits that shaped neither the "
    "search nor the order: {outcome.excluded} "
    "[[were]][[was]] excluded, and {outcome.missing} [[is]][[are]] not among the records.",
    "Not counted: {outcome.not_matched} that could not be matched, {outcome.out_of_scope} "
    "outside the limits.",
    "The searches found {known.search.found} of the {known.search.counted} known studies that may "
    "check the search ({known.search.recall:%}%; 95 % interval {known.search.low:%}% to "
    "{known.search.high:%}%).",
    "<name> {outcome.source.(name).found}, ",
    "<name> {outcome.source.(name).found}, of {known.search.counted}.",
    "Of these {known.reports} records, {known.read} have been read.",
    "Share of the {known.relevant} known studies reached",
    "Of the {drift.counted} known studies, reached here",
    "Left out: {drift.left_out} records not read in ranked order",
    "Of the {drift.records} records checked, the rankings expected {drift.expected} to be "
    "relevant, and {drift.found} were (if the rankings are right, 95 of 100 reviews find "
    "{drift.low} to {drift.high}).",
    "{known.search.out_of_scope} outside the protocol's limits, and so not counted; "
    "of those that may check the search, {known.undated} [[has]][[have]] no year",
    "{known.relevant} known studies may check the order, among {known.reports} records; "
    "{known.seeds} shown to the ranking and so left out; {known.out_of_scope} outside the limits; "
    "of those not shown to the ranking, {known.undated} [[has]][[have]] no year; {known.unplaced} "
    "[[has]][[have]] no place in the order, because they are",
    "<depth*> | {known.recall_at.(depth):%}% | {known.recall_at.(depth).low:%~}% to "
    "{known.recall_at.(depth).high:%~}% | {known.random.(depth):%}% |",
    "<attribute> | <kind> | " + _HELD + "{kind.(attribute).(kind).recall:%}% | "
    "{kind.(attribute).(kind).place:%}%[[ ({kind.(attribute).(kind).place.low:%~}% to "
    "{kind.(attribute).(kind).place.high:%~}%)]] |",
    "<attribute> | <kind> | " + _HELD + "– | – |",
    "from {order.learned} decisions)",
    "<share*>% | {drift.(share):%}% | ",
    "Reading {known.reads_to_95} records reaches 95 % of them, and reading {known.reads_to_100} "
    "reaches all. Work saved over a random order: WSS@95 {known.wss95:%}% ({known.wss95.low:%~}% "
    "to {known.wss95.high:%~}%), WSS@100 {known.wss100:%}%. On average a known study is reached "
    "after {known.atd:%}% of the records ({known.atd.low:%~}% to {known.atd.high:%~}%; in a random "
    "order {known.atd.random:%}%).",
)
