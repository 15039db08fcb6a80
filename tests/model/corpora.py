"""Small corpora of two topics, and vectors for them without an encoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from api import resources
from model.features import Document, Features, build
from model.order import Evidence, PoolRanker, Ranked
from model.pipeline import Pipeline

RELEVANT = "children social work joint service team family integrated health care"
OTHER = "steel alloy furnace corrosion turbine welding fatigue metal pressure load"


def documents(
    relevant: int, other: int, rng: np.random.Generator
) -> tuple[list[Document], NDArray[np.bool_]]:
    """Relevant and other documents in random order, and their labels."""
    made = []
    for at in range(relevant + other):
        words = (RELEVANT if at < relevant else OTHER).split()
        title = " ".join(rng.choice(words, 4))
        made.append(Document(title, " ".join(rng.choice(words, 20))))
    order = rng.permutation(len(made))
    y = np.arange(len(made)) < relevant
    return [made[at] for at in order], y[order]


def hashed(texts: Sequence[str]) -> NDArray[np.float32]:
    """Bag-of-letters vectors: deterministic, and similar for similar texts."""
    vectors = np.zeros((len(texts), 26), np.float32)
    for row, text in enumerate(texts):
        for character in text.lower():
            if "a" <= character <= "z":
                vectors[row, ord(character) - ord("a")] += 1
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def features(made: Sequence[Document], pipeline: Pipeline) -> Features:
    """Features with the vectors above and the shipped prior."""
    return build(made, pipeline, hashed, resources.study_prior().for_encoder(None))


def rank(pool: Features, pipeline: Pipeline, evidence: Evidence, *, seed: int = 0) -> Ranked:
    """Order the unread rows by a cold fit."""
    return PoolRanker(pool, pipeline, seed=seed).rank(evidence)
