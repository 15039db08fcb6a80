"""JSON of agreement and pilot rounds."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import Field

from api.protocol import Switch
from api.schemas.base import In, Out
from api.services.reporting.stored_results import WorkedOut
from api.services.screening.agreement import INTERVALS, AgreementResult, PairAgreement
from api.types import Count, Why
from model.evaluation.agreement import Measure
from model.evaluation.shares import Share
from store.screening.independent_decisions import Verification
from store.screening.pilots import Pilot


class PairAgreementOut(Out):
    """Agreement of two people on the records that both decided."""

    people: tuple[str, str]
    records: int
    raw: Share
    in_common: Share
    positive_agreement: Measure
    negative_agreement: Measure
    kappa: Measure
    kappa_three_words: Measure
    adjusted_kappa: Measure

    @classmethod
    def of(cls, pair: PairAgreement) -> PairAgreementOut:
        """The JSON of a pair's agreement."""
        return cls(
            people=pair.people,
            records=pair.joined.records,
            raw=pair.joined.raw,
            in_common=pair.joined.in_common,
            positive_agreement=pair.joined.positive,
            negative_agreement=pair.joined.negative,
            kappa=pair.joined.kappa,
            kappa_three_words=pair.three.kappa,
            adjusted_kappa=pair.joined.adjusted,
        )


class AgreementOut(Out):
    """Agreement on independent decisions, on records drawn for two people and pilot records.

    *Maybe* counts as *include*, except in ``kappa_three_words``. See docs/team.md for each figure.
    """

    records: int
    dual: int
    pilot: int
    people: int
    same: Share
    in_common: Share
    verdict: str
    alpha: Measure
    verified: Verification
    pairs: list[PairAgreementOut]
    intervals: str = INTERVALS
    worked_out: WorkedOut | None = None

    @classmethod
    def of(cls, result: AgreementResult, worked_out: WorkedOut | None = None) -> AgreementOut:
        """The JSON of a review's agreement."""
        return cls(
            records=result.records,
            dual=result.dual,
            pilot=result.pilot,
            people=result.people,
            same=result.same,
            in_common=result.in_common,
            verdict=result.verdict,
            alpha=result.alpha,
            verified=result.verified,
            pairs=[PairAgreementOut.of(pair) for pair in result.pairs],
            worked_out=worked_out,
        )


class SwitchIn(In):
    """Why a team switches to one person; needed below the threshold."""

    reason: Why | None = None


class SwitchOut(Out):
    """How far a team is on the way from two people for every record to one."""

    records: int
    wanted: int
    in_common: Share
    threshold: float
    enough: bool
    reached: bool
    switch: Switch | None


class PilotIn(In):
    """A new pilot round: how many records everybody decides."""

    size: Annotated[int, Field(ge=1, le=500)] = 30
    seed: Count = 0


class PilotEndIn(In):
    """What the team learned from a pilot round."""

    note: Why


class PilotPartOut(Out):
    """How many of a round's records a person has decided."""

    name: str
    decided: int


class PilotOut(Out):
    """A pilot round, with the agreement on the records that everybody has decided."""

    number: int
    records: int
    people: list[PilotPartOut]
    opened_at: dt.datetime
    closed_at: dt.datetime | None
    note: str | None
    agreement: AgreementOut

    @classmethod
    def of(cls, pilot: Pilot, agreement: AgreementResult) -> PilotOut:
        """The JSON of a round."""
        return cls(
            number=pilot.number,
            records=len(pilot.report_ids),
            people=[PilotPartOut.model_validate(part) for part in pilot.parts],
            opened_at=pilot.opened_at,
            closed_at=pilot.closed_at,
            note=pilot.note,
            agreement=AgreementOut.of(agreement),
        )
