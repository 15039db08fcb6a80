"""Generate docs/model-card.md from the model that ships and from what was measured.

Run: python -m benchmarks.model_card.
"""

from __future__ import annotations

import json
from typing import Any

from api import resources
from benchmarks.markdown import circumstances, table
from benchmarks.measuring import RESULTS, ROOT
from model.encode import EMBEDDED, EMBEDDED_SHA256
from model.pipeline import Pipeline
from model.prior import StudyPrior


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def _model(pipeline: Pipeline, prior: StudyPrior) -> list[str]:
    views = [
        [view.features, f"{view.weight:g}", f"{view.C:g}", f"{view.ratio:g}"]
        for view in pipeline.views
    ]
    starts = [
        f"{words}: weight {start.weight:g}, expected mean {start.expected:g}"
        for words, start in (
            ("study language", pipeline.study_language),
            ("the protocol's question", pipeline.question),
        )
        if start is not None
    ]
    tail, variety = pipeline.tail, pipeline.variety
    return [
        "## What it is",
        f"Pipeline `{pipeline.name}` (`{pipeline.hash[:16]}`): linear support vector machines "
        "with squared hinge loss, one for each view, trained only on a review's own "
        "decisions. Their scores are standardised over the unread records and added up.",
        table(["view", "weight", "C", "ratio of relevant to irrelevant weight"], views),
        "Head starts, which fade as the review's own decisions contradict them: "
        + "; ".join(starts)
        + ".",
        f"Until {variety.relevant} relevant records are known, near copies do not follow each "
        f"other in the first {variety.places} places."
        if variety
        else "Near copies may follow each other.",
        f"Once {tail.relevant} are found and at most {tail.rate:.0%} of the last {tail.window} "
        f"decisions were relevant, every {tail.every}th place goes to the best record by words "
        "alone."
        if tail
        else "No place is given to words alone.",
        f"Encoder: all-MiniLM-L6-v2 (`{EMBEDDED}` in the settings), SHA-256 `{EMBEDDED_SHA256}`, "
        "verified when it is loaded. Vectors: 384 dimensions, of title and abstract, the first 256 "
        "word pieces.",
        f"Study language: `model/study_language.json` (`{prior.hash[:16]}`), {len(prior.terms):,} "
        f"words, {prior.axes.shape[1]} axes over them and a direction among sentence vectors, "
        f"learned on {len(prior.trained_on)} finished reviews by "
        "`python -m benchmarks.make_prior`.",
    ]


def _data(ranking: dict[str, Any]) -> list[str]:
    sets = sorted(ranking["held_out"]["sets"], key=lambda each: str(each["data_set"]))
    return [
        "## Data",
        f"{len(sets)} finished reviews with titles, abstracts and the team's decisions, from "
        "public repositories: medicine (most), education and social welfare (VIVE), software "
        "engineering, psychology. Their texts are not part of Winnow. Labels are final inclusions "
        "or inclusions on title and abstract, as published; single screeners miss about a fifth of "
        "what a team includes, so labels are noisy.",
        ", ".join(
            f"{each['data_set']} ({each['relevant']} of {each['records']:,})" for each in sets
        )
        + ".",
        "The weights, `C`, the late places and the study language were chosen with knowledge "
        "of these sets. [benchmarks.md](benchmarks.md) explains how each half of the sets is "
        "scored with what the other half taught.",
    ]


def _results(ranking: dict[str, Any], calibration: dict[str, Any]) -> list[str]:
    rows = []
    for name, words in (
        ("held_out", "held out (chosen and trained on the other half)"),
        ("left_out", "as shipped, study language without the set"),
        ("default", "as shipped (in-sample)"),
    ):
        found = ranking[name]
        low, high = found["interval"]
        rows.append(
            [
                words,
                f"{found['ratio']:.3f} ({low:.2f} to {high:.2f})",
                f"{found['worst']:.2f}",
                f"{found['no_worse']:.0%}",
                f"{100 * found['wss95']:+.1f}",
                f"{100 * found['work_to_last']:+.1f}",
            ]
        )
    fifty = next(
        row for row in calibration["figures"] if (row["next"], row["decisions"]) == (50, "all")
    )
    protocol = ranking["protocol"]
    return [
        "## Results",
        circumstances(ranking),
        f"Compared with ASReview 3.0.8's default (ELAS u4) on {protocol['sets']} sets; start: "
        f"{protocol['start']}; fit: {protocol['refit']}; seeds {protocol['seeds']} (drawing "
        "the priors and the order of the solver's visits). Loss relative to ELAS u4, "
        "geometric mean with a 95 % interval over the sets; points of WSS@95 and of work to "
        "the last.",
        table(["what", "loss", "worst set", "no worse on", "WSS@95", "work to last"], rows),
        f"Of the next 50 records, rankings expected {fifty['expected'] / fifty['checks']:.1f} "
        f"relevant ones on average and {fifty['found'] / fifty['checks']:.1f} were; mean error "
        f"{fifty['mean_error']:.1f}.",
    ]


def _failures(ranking: dict[str, Any]) -> list[str]:
    sets = ranking["held_out"]["sets"]
    worse = sorted((s for s in sets if s["ratio"] > 1.0), key=lambda s: -float(s["ratio"]))
    later = sorted(sets, key=lambda s: -float(s["work_to_last"]))
    later = [each for each in later[:3] if each["work_to_last"] > 0]
    most = sorted(sets, key=lambda s: -float(s["work_to_last"] + s["base_work_to_last"]))
    return [
        "## Where it fails",
        "Worse than ELAS u4, held out: "
        + (
            ", ".join(f"{each['data_set']} ({each['ratio']:.2f} times the loss)" for each in worse)
            or "no set"
        )
        + ".",
        "The last relevant record comes later than with ELAS u4 on "
        + (
            ", ".join(
                f"{each['data_set']} ({100 * each['work_to_last']:+.1f} points)" for each in later
            )
            or "no set"
        )
        + " (the three largest differences).",
        "Nearly everything must be read to reach the last relevant record on "
        + ", ".join(
            f"{each['data_set']} ({each['work_to_last'] + each['base_work_to_last']:.0%})"
            for each in most[:5]
        )
        + ": a ranking saves little there, and nobody can know this beforehand.",
    ]


_LIMITS = [
    "## Limits",
    "- It orders records. It decides nothing, and it does not say when to stop.",
    "- It reads titles and abstracts. Records without an abstract, or in a language different "
    "from most others, come late. The encoder was trained on English.",
    "- The study language favours reports of empirical studies. For a review of methods or of "
    "qualitative work, switch it off under *Protocol*. It fades if it does not fit.",
    "- It has not been measured on searches for children's services. The nearest sets are the "
    "Campbell reviews (VIVE).",
    "- Order and seeds: the same records, decisions and seed give the same order on one machine; "
    "another processor may round differently.",
    "- It uses no personal data except the team's decisions, and nothing leaves the machine.",
]


def document() -> str:
    """The text of docs/model-card.md."""
    ranking, calibration = _read("ranking"), _read("calibration")
    parts = [
        "# Model card",
        "Generated by `python -m benchmarks.model_card` from what ships and from the JSON in "
        "`benchmarks/results`; nothing here is typed by hand.",
        *_model(resources.pipeline("default"), resources.study_prior()),
        *_data(ranking),
        *_results(ranking, calibration),
        *_failures(ranking),
        _LIMITS[0],
        "\n".join(_LIMITS[1:]),
    ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    (ROOT / "docs" / "model-card.md").write_text(document(), encoding="utf-8")
