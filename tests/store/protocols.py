"""Protocols with reasons for exclusion and with sub-questions."""

from __future__ import annotations

from api.protocol import ProtocolBody, Question, Reason, StagePlan

REASONS = {
    "reasons": [
        {"key": "population", "text": "Not about children"},
        {"key": "design", "text": "No study"},
    ],
    "plans": [{"stage": "title-abstract", "reason_required": True}],
}

SUB_QUESTIONS = ProtocolBody(
    questions=(
        Question(key="models", text="Which models are there?"),
        Question(key="works", text="What works?"),
    ),
    per_question=True,
    reasons=(Reason(key="r1", text="population"), Reason(key="r2", text="setting")),
    plans=(StagePlan(dual_share=1.0),),
)
