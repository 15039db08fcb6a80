"""What an export says about one report: its record, the decisions on it, and its place."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harvest.files.labels import ours
from harvest.record import Record

# Characters that some format cannot hold; databases cannot hold them either.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class StageDecision:
    """The decision that counts on a report at one stage.

    Attributes:
        decision: "include", "exclude" or "maybe".
        stage: ``ours.TITLE_ABSTRACT`` or ``ours.FULL_TEXT``.
        decided_at: in ISO 8601.
        reason: the only one of ``reasons``; None if there are several, as nobody has chosen.
        reasons: of everybody who excluded the report.
        questions: of everybody who included it.
    """

    decision: str
    stage: str = ours.TITLE_ABSTRACT
    decided_by: str | None = None
    decided_at: str | None = None
    note: str | None = None
    reason: str | None = None
    reasons: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportEntry:
    """A report as its representative shows it, with what screening and ranking say about it.

    Attributes:
        decision: at title and abstract; None if nobody has decided.
        full_text: the decision at full text.
        tags: what the team put on it, once nobody has to decide it any more.
        team_notes: notes that the team wrote on it, each with its author ("Ann: ...").
        sources: where its records come from.
        source_id: the id of its oldest record at its source.
        n_decisions: decisions that the newest ranking learned from.
        attribution: how its sources ask to be credited.
    """

    record: Record
    record_id: int
    report_id: int
    copies: int = 1
    decision: StageDecision | None = None
    full_text: StageDecision | None = None
    tags: tuple[str, ...] = ()
    team_notes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    source_id: str | None = None
    score: float | None = None
    place: int | None = None
    n_decisions: int | None = None
    attribution: str | None = None

    @property
    def decisions(self) -> tuple[StageDecision, ...]:
        """The decisions of all stages, in the order of the stages."""
        return tuple(made for made in (self.decision, self.full_text) if made)


def clean_block(text: str | None) -> str | None:
    """Text that any format can hold; its line breaks are line feeds. None if nothing is left."""
    if text is None:
        return None
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip() or None


def clean_line(text: str | None) -> str | None:
    """The same on one line: line breaks and runs of blanks become one blank."""
    return " ".join((clean_block(text) or "").split()) or None
