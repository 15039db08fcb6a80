"""A pipeline written down: views, weights and constants, by name, hashable, to and from TOML."""

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
        ratio: how much lighter all irrelevant records weigh than all relevant ones, above 0.
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
    """How much something known before any decision says, until decisions say more.

    Attributes:
        weight: of its score beside a view's standardised one, at the start; above 0.
        expected: mean score of relevant records where it is right; above 0. As relevant records
            are found, the weight follows their own mean score, see ``model.blend.faded``.
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
    """Unlike records first while little is known, see ``model.variety``.

    Attributes:
        places: so many places of an order, 1 or more.
        weight: what a cosine of 1 to a record placed before costs, in standard deviations of a
            view's scores; above 0.
        relevant: until so many relevant records are known, 1 or more.
    """

    places: int
    weight: float
    relevant: int

    def __post_init__(self) -> None:
        if self.places < 1 or self.relevant < 1 or not self.weight > 0:
            raise ValueError(f"variety needs places >= 1, weight > 0 and relevant >= 1, not {self}")


@dataclass(frozen=True, slots=True)
class Tail:
    """When a share of the reads goes to the first view alone, see ``model.tail``.

    Attributes:
        every: one place in so many, 2 or more.
        window: of the last so many decisions, 1 or more,
        rate: at most this share was relevant, 0 to 1,
        relevant: and at least so many relevant records are known, 0 or more.
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
        name: what it is called in commands, rankings and results.
        views: at least one; with several, scores are standardised over the unread and summed.
        solver: "dual" goes on from the last fit; "liblinear" is scikit-learn's, cold at each fit,
            as ASReview has it.
        description: a sentence for people.
        study_language: use of the prior over how studies are reported (``model.prior``), or None.
        question: use of closeness to the protocol's question and criteria once a model is fitted,
            or None. Before that, closeness alone makes the order.
        variety: when near copies do not follow each other; None where they may. Needs embeddings.
        tail: when the first view alone has a share of the reads; None where it never has.
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
        """Whether anything learned on other reviews takes part."""
        axes = any(view.features == STUDY_AXES for view in self.views)
        return axes or self.study_language is not None

    def alone(self) -> Pipeline:
        """This pipeline without anything learned on other reviews.

        Raises:
            ValueError: it has no other view.
        """
        own = tuple(view for view in self.views if view.features != STUDY_AXES)
        return replace(self, views=own, study_language=None)

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of everything that changes an order; the description does not."""
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
    """Those that are used, by their names in TOML."""
    found = {name: getattr(pipeline, name.replace("-", "_")) for name in _PARTS}
    return {name: asdict(part) for name, part in found.items() if part is not None}


def from_dict(data: Mapping[str, Any]) -> Pipeline:
    """A pipeline from its TOML table.

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
    """The TOML table of a pipeline; ``from_dict`` gives the same pipeline back."""
    return {
        "name": pipeline.name,
        "description": pipeline.description,
        "solver": pipeline.solver,
        **_parts(pipeline),
        "views": [asdict(view) for view in pipeline.views],
    }
