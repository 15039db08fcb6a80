"""The screening report as Markdown."""

from __future__ import annotations

from api import __version__
from api.services.reporting.screening_report import ScreeningReport
from api.services.reporting.stored_results import describe_worked_out


def as_markdown(report: ScreeningReport) -> str:
    """The report as text, for reading and for a review's appendix."""
    out = [
        f"# Screening: {report.title}",
        "",
        f"Generated {report.made_at:%Y-%m-%d %H:%M} UTC by Winnow {__version__} from what is "
        "stored of the review.",
    ]
    if report.worked_out:
        out += ["", describe_worked_out(report.worked_out)]
    for section in report.sections:
        out += ["", f"## {section.title}", "", *(f"- {line.strip()}" for line in section.lines)]
    return "\n".join(out) + "\n"
