"""Living reviews and vendor files in docs/benchmarks.md."""

from __future__ import annotations

from typing import Any

from benchmarks.markdown import circumstances, table


def year(data: dict[str, Any]) -> str:
    """A year of nights beside an unbroken one."""
    events = ", ".join(f"{count} {kind}" for kind, count in sorted(data["events"].items()))
    return "\n\n".join(
        [
            "## A year of nights, broken and unbroken",
            circumstances(data),
            f"{data['weeks']} weeks compressed into {data['nights']} nights over three played "
            f"sources, through both changes of the clocks; {data['kills']} kills (SIGKILL) in the "
            f"middle of a night, {data['missed']} nights missed, sources down for "
            f"{data['source_weeks_down']} weeks in all; a search freeze after a quarter, "
            f'{data["admissions"]} admissions by the rule "each first of the month" and at the '
            f"end. {data['records']:,} records, {data['reports']:,} reports; events: {events}.",
            f"Beside a year without any of it: **{data['lost']}** records, reports or events lost, "
            f"**{data['twice']}** too many; the sum holds for the review and each admission: "
            f"**{'yes' if data['sums_hold'] else 'no'}**. Differing parts of the store: "
            f"**{', '.join(data['differ']) or 'none'}**.",
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
            f"{many['reviews']} reviews, each at three played sources without a pace: seconds are "
            "Winnow's own. At PubMed's three requests a second without a key, and one a second at "
            "Europe PMC, the pace is what a night takes.",
            table(["asked for", "requests", "seconds", "of them to begin", "memory"], rows),
            f"{pooled['new']} new records into the pool of a review of {pooled['records']:,} with "
            f"{pooled['decisions']} decisions (median of {pooled['repeats']}): "
            f"**{pooled['seconds_to_stored']:.1f} s** until they are stored and compared with all "
            f"others, **{pooled['seconds_to_scores']:.1f} s** more until each has its score in the "
            f"pool, {pooled['seconds_in_all']:.1f} s in all; encoding {pooled['new']} texts takes "
            f"{pooled['seconds_of_encoding']:.1f} s besides, loading the encoder once "
            f"{pooled['seconds_of_loading']:.1f} s. Memory "
            f"{pooled['peak_mib'] / 1024:.1f} GiB. The queue's own order is not made anew.",
        ]
    )


def vendors(data: dict[str, Any]) -> str:
    """Vendor files, one a row."""
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
            f"{len(read)} files of databases and platforms, recorded by other projects; "
            f"{sum(each['records'] for each in read):,} records, "
            f"{sum(each['rejected'] for each in read):,} entries rejected with a reason. None of "
            "them carries its search history: reading that is tested on made-up files alone. No "
            "file of EBSCO XML, RefWorks tagged or HMIC is among them: the first two are read "
            "after their descriptions, untested on a real file; HMIC comes through Ovid, in its "
            "formats. ProQuest XML is not read: export RIS or text.",
            table(["file", "format", "database", "platform", "records", "rejected"], rows),
            "Refused, each with what to do: "
            + "; ".join(f"`{each['file']}` ({each['refused'].rstrip('.')})" for each in refused)
            + ".",
        ]
    )
