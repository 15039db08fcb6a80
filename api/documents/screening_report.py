"""The screening report as Markdown."""

from __future__ import annotations

from api import __version__
from api.services.screening_report import ScreeningReport


def as_markdown(report: ScreeningReport) -> str:
    """The report for reading and for a review's appendix."""
    out = [
        f"# Screening: {report.title}",
        "",
        f"Generated {report.made_at:%Y-%m-%d %H:%M} UTC by Winnow {__version__} from what was "
        "stored as the records were screened.",
    ]
    for section in report.sections:
        out += ["", f"## {section.title}", "", *(f"- {line.strip()}" for line in section.lines)]
    return "\n".join(out) + "\n"
