"""The form of a protocol: its fields as they were typed, and the protocol that they mean."""

from __future__ import annotations

import itertools
import re
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.protocol import (
    Calibration,
    ProtocolBody,
    ProtocolLimits,
    Question,
    RankingChoice,
    Reason,
    StagePlan,
)
from api.services.screening.presets import PRESETS
from api.types import FormText
from api.wording import explain_problem

Line = Annotated[FormText, Field(max_length=2000)]
Lines = Annotated[FormText, Field(max_length=50_000)]
_STAGE = "title-abstract"
# The preset that begins with two people for every record.
_CALIBRATED = "rapid-2023"
# What a preset sets of a plan.
_SHARES = {"dual_share", "second_look", "likely_misses", "calibration"}


class ProtocolForm(BaseModel):
    """The fields of the form, as they were typed. A box that is not ticked is not sent."""

    model_config = ConfigDict(frozen=True)

    title: FormText = ""
    questions: Lines = ""
    per_question: Line = ""
    inclusion: Lines = ""
    exclusion: Lines = ""
    reasons: Lines = ""
    reason_required: Line = ""
    year_from: Line = ""
    year_to: Line = ""
    languages: Line = ""
    types: Line = ""
    study_language: Line = ""
    learn_all: Line = ""
    # The name of a plan; "own" for one by the shares below.
    preset: Line = "own"
    dual_share: Line = "0"
    second_look: Line = "0"
    likely_misses: Line = "0"
    calibration_share: Line = "20"
    calibration_threshold: Line = "50"
    reason: Line = ""
    # The version that the writer started from.
    version: Line = ""

    @property
    def based_on(self) -> int | None:
        """The version that the writer started from; None if the form does not say."""
        return int(self.version) if self.version.isdecimal() else None


def form_of(body: ProtocolBody) -> ProtocolForm:
    """The form of a protocol."""
    plan = body.plan_of(_STAGE)
    calibration = plan.calibration or Calibration()
    return ProtocolForm(
        preset="own" if plan.calibration is None else _CALIBRATED,
        calibration_share=f"{100 * calibration.share:g}",
        calibration_threshold=f"{100 * calibration.threshold:g}",
        questions="\n".join(question.text for question in body.questions),
        per_question="on" if body.per_question else "",
        inclusion="\n".join(body.inclusion),
        exclusion="\n".join(body.exclusion),
        reasons="\n".join(reason.text for reason in body.reasons),
        reason_required="on" if plan.reason_required else "",
        year_from=str(body.limits.year_from or ""),
        year_to=str(body.limits.year_to or ""),
        languages=", ".join(body.limits.languages),
        types=", ".join(body.limits.types),
        study_language="on" if body.ranking.study_language else "",
        learn_all="on" if body.ranking.learn_from == "all" else "",
        dual_share=f"{100 * plan.dual_share:g}",
        second_look=f"{100 * plan.second_look:g}",
        likely_misses=f"{100 * plan.likely_misses:g}",
    )


def read_form(form: ProtocolForm, before: ProtocolBody) -> ProtocolBody:
    """The protocol that a form means; what the form does not show is kept.

    Args:
        form: as it was typed.
        before: the version before it, or an empty protocol.

    Raises:
        ValueError: a field has no year or percentage, the first year is after the last, or a line
            is too long.
    """
    keys = [question.key for question in before.questions]
    try:
        return ProtocolBody(
            questions=tuple(
                Question(key=keys[at] if at < len(keys) else f"q{at + 1}", text=text)
                for at, text in enumerate(_lines(form.questions))
            ),
            per_question=bool(form.per_question),
            inclusion=_lines(form.inclusion),
            exclusion=_lines(form.exclusion),
            reasons=_reasons(_lines(form.reasons), before),
            limits=ProtocolLimits(
                year_from=_year(form.year_from, "first year"),
                year_to=_year(form.year_to, "last year"),
                languages=_parts(form.languages),
                types=_parts(form.types),
            ),
            stages=before.stages,
            plans=_plans(form, before),
            relations=before.relations,
            ranking=RankingChoice(
                study_language=bool(form.study_language),
                learn_from="all" if form.learn_all else "settled",
            ),
            tags=before.tags,
            strategy_note=before.strategy_note,
            known_relevant=before.known_relevant,
        )
    except ValidationError as error:
        raise ValueError(explain_problem(error.errors()[0])) from error


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line for line in map(str.strip, text.splitlines()) if line)


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part for part in map(str.strip, text.split(",")) if part)


def _year(text: str, name: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"[12][0-9]{3}", text):
        raise ValueError(f"{name}: write a year such as 2011, not {text!r}")
    return int(text)


def _share(text: str, name: str) -> float:
    """A percentage as a share of 0 to 1.

    Raises:
        ValueError: it is not a percentage.
    """
    number = text.removesuffix("%").strip()
    if not re.fullmatch(r"[0-9]{1,3}([.][0-9]{1,2})?", number) or float(number) > 100:
        raise ValueError(f"{name}: write a percentage from 0 to 100, not {text!r}")
    return float(number) / 100


def _plans(form: ProtocolForm, before: ProtocolBody) -> tuple[StagePlan, ...]:
    old = before.plan_of(_STAGE)
    shares: dict[str, Any]
    if form.preset in PRESETS:
        preset = PRESETS[form.preset].plan
        if preset.calibration is not None:
            preset = _read_calibrated(form, old)
        shares = preset.model_dump(include=_SHARES)
    else:
        shares = {
            "calibration": None,
            "dual_share": _share(form.dual_share, "decided by two"),
            "second_look": _share(form.second_look, "second check"),
            "likely_misses": _share(form.likely_misses, "possible misses"),
        }
    required = {"reason_required": bool(form.reason_required)}
    new = StagePlan.model_validate(old.model_dump() | shares | required)
    return before.plans if new == old else (new,)


def _read_calibrated(form: ProtocolForm, old: StagePlan) -> StagePlan:
    """The plan of a form that begins with two people; one that has not changed keeps its switch."""
    new = Calibration(
        share=_share(form.calibration_share, "decided by two at first"),
        threshold=_share(form.calibration_threshold, "includes in common"),
    )
    before = old.calibration
    if before is not None and before.model_copy(update={"switch": None}) == new:
        return old
    return StagePlan(dual_share=1.0, calibration=new)


def _reasons(texts: tuple[str, ...], before: ProtocolBody) -> tuple[Reason, ...]:
    """Reasons by their lines. A reason that stays keeps its key; a new one gets the next number."""
    keys = {reason.text: reason.key for reason in before.reasons}
    numbers = [int(key[1:]) for key in keys.values() if re.fullmatch(r"r[0-9]{1,6}", key)]
    following = itertools.count(max(numbers, default=0) + 1)
    unique = dict.fromkeys(texts)
    return tuple(Reason(key=keys.get(text) or f"r{next(following)}", text=text) for text in unique)
