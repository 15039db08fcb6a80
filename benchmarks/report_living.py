"""Living reviews and vendor files in docs/benchmarks.md."""

from __future__ import annotations

from typing import Any

from benchmarks.markdown import circumstances, table


def year(data: dict[str, Any]) -> str:
    """A year of nights, compared with an unbroken one."""
    events = ", ".join(f"{count} {kind}" for kind, count in sorted(data["events"].items()))
    return "\n\n".join(
        [
            "## A year of nights, broken and unbroken",
            circumstances(data),
            f"{data['weeks']} weeks compressed into {data['nights']} nights over three "
            f"simulated sources, through both changes of the clocks; {data['kills']} kills "
            f"(SIGKILL) in the middle of a night, {data['missed']} nights missed, sources down "
            f"for {data['source_weeks_down']} weeks in all; a freeze date after a quarter, "
            f'{data["admissions"]} admissions by the rule "each first of the month" and at the '
            f"end. {data['records']:,} records, {data['reports']:,} reports; events: {events}.",
            f"Compared with a year without any of this: **{data['lost']}** records, reports or "
            f"events lost, **{data['twice']}** too many. The sum holds for the review and each "
            f"admission: **{'yes' if data['sums_hold'] else 'no'}**. Parts of the store that "
            f"differ: **{', '.join(data['differ']) or 'none'}**.",
        ]
    )


def nights(data: dict[str, Any]) -> str:
    """What a night costs."""
    many, pooled = data["many_reviews"], data["into_pool"]
    rows = [
        [
            words,
            f"{sum(found['requests'].values()):,}",
            f"{found['seconds']:.1f}",
            f"{found['begun']:.1f}",
            f"{found['peak_mib']:.0f} MiB",
        ]
        for words, found in (
            ("everything", many["first"]),
            ("what is new or changed, a week later", many["later"]),
        )
    ]
    return "\n\n".join(
        [
            "## What a night costs",
            circumstances(data),
            f"{many['reviews']} reviews, each at three simulated sources without a pace, so "
            "the time is Winnow's own. At PubMed's three requests a second without a key, "
            "and one a second at Europe PMC, the pace sets the length of a night.",
            table(["asked for", "requests", "seconds", "of which to start", "memory"], rows),
            f"{pooled['new']} new records into the pool of a review of {pooled['records']:,} "
            f"with {pooled['decisions']} decisions (median of {pooled['repeats']}): "
            f"**{pooled['seconds_to_stored']:.1f} s** to store them and compare them with all "
            f"others, **{pooled['seconds_to_scores']:.1f} s** more to score them, "
            f"{pooled['seconds_in_all']:.1f} s in all. Encoding {pooled['new']} texts takes "
            f"another {pooled['seconds_of_encoding']:.1f} s, and loading the encoder once "
            f"{pooled['seconds_of_loading']:.1f} s. Memory {pooled['peak_mib'] / 1024:.1f} "
            "GiB. The queue's own order is not recomputed.",
        ]
    )


def vendors(data: dict[str, Any]) -> str:
    """Vendor files, one in each row."""
    read = [each for each in data["files"] if "refused" not in each]
    refused = [each for each in data["files"] if "refused" in each]
    rows = [
        [
            f"`{each['file']}`",
            each["format"],
            each["database"] or "not stated",
            each["platform"] or "not stated",
            f"{each['records']:,}",
            f"{each['rejected']:,}",
        ]
        for each in read
    ]
    return "\n\n".join(
        [
            "## Vendor files",
            circumstances(data),
            f"{len(read)} files from databases and platforms, recorded by other projects; "
            f"{sum(each['records'] for each in read):,} records, "
            f"{sum(each['rejected'] for each in read):,} entries rejected with a reason. "
            "None of them holds its search history, so reading it is tested only on "
            "artificial files. There is no EBSCO XML, RefWorks tagged or HMIC file among "
            "them. The readers for the first two follow the vendors' descriptions and are "
            "untested on real files. HMIC comes through Ovid, in its formats. ProQuest XML is "
            "not supported: export RIS or text.",
            table(["file", "format", "database", "platform", "records", "rejected"], rows),
            "Refused, each with advice on what to do: "
            + "; ".join(f"`{each['file']}` ({each['refused'].rstrip('.')})" for each in refused)
            + ".",
        ]
    )
