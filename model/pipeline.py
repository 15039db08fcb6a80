"""The definition of a pipeline: views, weights and constants. It can be hashed and kept as TOML."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

STUDY_AXES = "study-axes"
FEATURES = ("words", "title-words", "embedding", "form", STUDY_AXES)
SOLVERS = ("dual", "liblinear")
_HEAD_STARTS = ("study-language", "question")
_PARTS = (*_HEAD_STARTS, "variety", "tail")


@dataclass(frozen=True, slots=True)
class View:
    """One linear classifier on one kind of features.

    Attributes:
        features: one of ``FEATURES``.
        weight: share in the sum of standardised scores, above 0.
        C: inverse strength of regularisation of the SVM, above 0.
        ratio: total weight of the relevant records over that of the irrelevant ones, above 0.
    """

    features: str
    weight: float = 1.0
    C: float = 0.11
    ratio: float = 9.8

    def __post_init__(self) -> None:
        if self.features not in FEATURES:
            raise ValueError(f"features must be one of {FEATURES}, not {self.features!r}")
        for name in ("weight", "C", "ratio"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, not {getattr(self, name)!r}")


@dataclass(frozen=True, slots=True)
class HeadStart:
    """Weight of something known before any decision, until decisions say more.

    Attributes:
        weight: initial weight of its score relative to a view's standardised one; above 0.
        expected: mean score of relevant records if it is right; above 0. As relevant records are
            found, the weight follows their own mean score, see ``model.blend.faded_weight``.
    """

    weight: float
    expected: float

    def __post_init__(self) -> None:
        for name in ("weight", "expected"):
            if not getattr(self, name) > 0:
                raise ValueError(
                    f"{name} of a head start must be above 0, not {getattr(self, name)!r}"
                )


@dataclass(frozen=True, slots=True)
class Variety:
    """How long the first places hold records that are unlike each other, see ``model.variety``.

    Attributes:
        places: number of places affected, 1 or more.
        weight: cost of a cosine of 1 to an earlier record, in standard deviations of a view's
            scores; above 0.
        relevant: variety ends when this many relevant records are known, 1 or more.
    """

    places: int
    weight: float
    relevant: int

    def __post_init__(self) -> None:
        if self.places < 1 or self.relevant < 1 or not self.weight > 0:
            raise ValueError(f"variety needs places >= 1, weight > 0 and relevant >= 1, not {self}")


@dataclass(frozen=True, slots=True)
class Tail:
    """When a share of the places goes to the first view alone, see ``model.late_interleave``.

    Attributes:
        every: one place in this many, 2 or more.
        window: number of latest decisions to look at, 1 or more.
        rate: it begins when at most this share of them is relevant, 0 to 1,
        relevant: and at least this many relevant records are known, 0 or more.
    """

    every: int
    window: int
    rate: float
    relevant: int

    def __post_init__(self) -> None:
        if self.every < 2 or self.window < 1 or self.relevant < 0 or not 0 <= self.rate <= 1:
            raise ValueError(f"a tail needs every >= 2, window >= 1, 0 <= rate <= 1, not {self}")


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A way to turn texts and decisions into an order.

    Attributes:
        name: used in commands, rankings and results.
        views: at least one; with several, scores are standardised over the unread and summed.
        solver: "dual" starts each fit from the last one; "liblinear" is scikit-learn's, cold at
            each fit, as in ASReview.
        description: a sentence for people.
        study_language: how to use the prior over how studies are reported (``model.prior``), or
            None.
        question: how to use closeness to the protocol's question and criteria once a model is
            fitted, or None. Before that, closeness alone makes the order.
        variety: when to keep near copies apart, or None. Needs embeddings.
        tail: when the first view alone gets a share of the places, or None.
    """

    name: str
    views: tuple[View, ...]
    description: str = ""
    solver: str = "dual"
    study_language: HeadStart | None = None
    question: HeadStart | None = None
    variety: Variety | None = None
    tail: Tail | None = None

    def __post_init__(self) -> None:
        if not self.views:
            raise ValueError(f"pipeline {self.name!r} has no views")
        if self.variety is not None and not self.needs_encoder:
            raise ValueError(f"variety of pipeline {self.name!r} needs a view on embeddings")
        if self.solver not in SOLVERS:
            raise ValueError(f"solver must be one of {SOLVERS}, not {self.solver!r}")

    @property
    def needs_encoder(self) -> bool:
        """Whether a view reads embeddings."""
        return any(view.features == "embedding" for view in self.views)

    @property
    def needs_prior(self) -> bool:
        """Whether it uses anything learned on other reviews."""
        axes = any(view.features == STUDY_AXES for view in self.views)
        return axes or self.study_language is not None

    def without_prior(self) -> Pipeline:
        """This pipeline without anything learned on other reviews.

        Raises:
            ValueError: it has no other view.
        """
        own = tuple(view for view in self.views if view.features != STUDY_AXES)
        return replace(self, views=own, study_language=None)

    def without_encoder(self) -> Pipeline:
        """This pipeline without anything that reads embeddings; itself if no view is left."""
        own = tuple(view for view in self.views if view.features != "embedding")
        return replace(self, views=own, variety=None) if own else self

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of everything that changes an order; name and description do not."""
        body = json.dumps(
            {
                "solver": self.solver,
                "views": [asdict(view) for view in self.views],
                **_parts(self),
            },
            sort_keys=True,
        )
        return hashlib.sha256(body.encode()).hexdigest()


def _parts(pipeline: Pipeline) -> dict[str, dict[str, float]]:
    """The optional parts that the pipeline has, by their names in TOML."""
    parts = {name: getattr(pipeline, name.replace("-", "_")) for name in _PARTS}
    return {name: asdict(part) for name, part in parts.items() if part is not None}


def from_dict(data: Mapping[str, Any]) -> Pipeline:
    """Read a pipeline from its TOML table.

    Raises:
        ValueError: a key is unknown or missing, or a value is out of range.
    """
    unknown = set(data) - {"name", "description", "views", "solver", *_PARTS}
    if unknown:
        raise ValueError(f"unknown key(s) in a pipeline: {', '.join(sorted(unknown))}")
    try:
        views = tuple(View(**view) for view in data["views"])
        parts: dict[str, Any] = {
            name.replace("-", "_"): HeadStart(**data[name]) for name in _HEAD_STARTS if name in data
        }
        if "variety" in data:
            parts["variety"] = Variety(**data["variety"])
        if "tail" in data:
            parts["tail"] = Tail(**data["tail"])
        return Pipeline(
            data["name"], views, data.get("description", ""), data.get("solver", "dual"), **parts
        )
    except KeyError as error:
        raise ValueError(f"a pipeline needs the key {error}") from error
    except TypeError as error:
        raise ValueError(
            f"a view or a part of pipeline {data.get('name')!r} is wrong: {error}"
        ) from error


def to_dict(pipeline: Pipeline) -> dict[str, Any]:
    """The TOML table of a pipeline, which ``from_dict`` reads."""
    return {
        "name": pipeline.name,
        "description": pipeline.description,
        "solver": pipeline.solver,
        **_parts(pipeline),
        "views": [asdict(view) for view in pipeline.views],
    }
