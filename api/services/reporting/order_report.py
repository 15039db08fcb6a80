"""What put the records in order: algorithm, settings, encoder and versions, in sentences."""

from __future__ import annotations

from api import resources
from api.wording import count_noun, describe_percent
from model.encode import EMBEDDED
from model.pipeline import Pipeline
from store.core.session import ReadSession
from store.screening import rankings
from store.screening.rankings import RankingKind

_FEATURES = {
    "words": "words of title and abstract",
    "title-words": "words of the title",
    "embedding": "sentence vectors of title and abstract",
    "form": "the way the record is written",
    "study-axes": "ways in which finished reviews differed",
}
# The encoder that ships with Winnow, by its public name.
_EMBEDDED = "all-MiniLM-L6-v2"


def describe_order(session: ReadSession, review_id: int) -> list[str]:
    """How records were put in order; empty if nobody decided a record of a ranking."""
    shown, drawn, decided = rankings.count_shown(session, review_id)
    if not shown:
        return []
    pilots = (
        f" {drawn:,} {'was' if drawn == 1 else 'were'} made on records that were drawn at random "
        "for pilot rounds."
    )
    lines = [
        f"{shown:,} of {count_noun(decided, 'decision')} {'was' if shown == 1 else 'were'} made on "
        f"records that a ranking had put in order.{pilots if drawn else ''} Decisions on records "
        "that still need a second person are not counted. A ranking sets the order in which "
        "records are read, and leaves none out."
    ]
    for kind in rankings.list_kinds(session, review_id):
        lines += _describe_kind(kind)
    return lines


def _describe_kind(kind: RankingKind) -> list[str]:
    number = count_noun(kind.number, "ranking")
    first, last = f"{kind.first:%Y-%m-%d}", f"{kind.last:%Y-%m-%d}"
    when = f"on {first}" if first == last else f"from {first} to {last}"
    lines = [
        f"{number} {when}: pipeline *{kind.pipeline}* (SHA-256 of its settings "
        f"{kind.pipeline_hash}), seed {kind.seed}."
    ]
    pipeline = _find_pipeline(kind)
    if pipeline is not None:
        lines.append(_describe_pipeline(pipeline))
    if kind.cold:
        made = "It was" if kind.number == 1 else f"{kind.cold:,} of them "
        if kind.number > 1:
            made += "was" if kind.cold == 1 else "were"
        lines.append(
            f"{made} made before there was both an include and an exclude to learn from. Records "
            "were then ordered by how close they are to the protocol's questions and inclusion "
            "criteria and to any known studies shown to the ranking."
        )
    if kind.encoder:
        name, _, digest = kind.encoder.partition("@")
        version = kind.versions.get("encoder")
        named = f"{_EMBEDDED}{f', package version {version}' if version else ''}"
        weights = f" (SHA-256 of its weights begins {digest})" if digest else ""
        lines.append(f"Encoder: {named if name == EMBEDDED else name}{weights}.")
    # A database may return the names in any order.
    names = sorted(kind.versions.keys() - {"encoder"}, key=lambda name: (name != "Winnow", name))
    if names:
        versions = ", ".join(f"{name} {kind.versions[name]}" for name in names)
        newest = "" if kind.number == 1 else " of the newest of them"
        lines.append(f"Software{newest}: {versions}.")
    return lines


def _find_pipeline(kind: RankingKind) -> Pipeline | None:
    """The settings of a pipeline; None if they have changed since."""
    try:
        pipeline = resources.pipeline(kind.pipeline)
    except ValueError:
        return None
    known = [pipeline, *([pipeline.without_prior()] if pipeline.needs_prior else [])]
    return next((each for each in known if each.hash == kind.pipeline_hash), None)


def _describe_pipeline(pipeline: Pipeline) -> str:
    views = [
        f"{_FEATURES[view.features]} (weight {view.weight:g}, C {view.C:g}, relevant to "
        f"irrelevant records weighted {view.ratio:g} to 1)"
        for view in pipeline.views
    ]
    machines = (
        "A linear support vector machine" if len(views) == 1 else ("Linear support vector machines")
    )
    parts = [f"{machines} on {'; '.join(views)}"]
    if len(views) > 1:
        parts.append("their standardised scores are summed")
    if pipeline.study_language is not None:
        parts.append("a head start from the wording of studies included in finished reviews")
    if pipeline.question is not None:
        parts.append("a head start from closeness to the questions and criteria")
    if pipeline.variety is not None:
        parts.append(
            f"near copies kept apart in the first {pipeline.variety.places} places until "
            f"{pipeline.variety.relevant} relevant records are known"
        )
    if pipeline.tail is not None:
        tail = pipeline.tail
        parts.append(
            f"one place in {tail.every} from the first view alone once at most "
            f"{describe_percent(tail.rate)} % of the last {tail.window} decisions were relevant "
            f"and {tail.relevant} relevant records are known"
        )
    return "; ".join(parts) + "."
