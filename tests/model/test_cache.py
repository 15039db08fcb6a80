"""The cache of the real encoder's vectors."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from model.cache import VectorCache
from model.encode import Encoder
from model.vector_files import text_hash

pytestmark = pytest.mark.encoder
TEXTS = [
    "Joint working between social work and health services for children",
    "Integrated care for families by social workers and nurses",
    "Corrosion of steel turbines under load",
]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder()


def test_the_cache_encodes_a_text_once_whatever_process_reads_it(
    encoder: Encoder, tmp_path: Path
) -> None:
    seen: list[tuple[int, int]] = []
    first = VectorCache(tmp_path, encoder).vectors(TEXTS, lambda *step: seen.append(step))
    assert seen == [(0, 3), (3, 3)]
    again = VectorCache(tmp_path, encoder)
    assert again.missing(TEXTS) == []
    seen.clear()
    second = again.vectors([TEXTS[2], TEXTS[0], TEXTS[0]], lambda *step: seen.append(step))
    assert seen == [(0, 0)]
    assert (second == first[[2, 0, 0]]).all()


def test_a_piece_that_was_not_finished_is_not_read(encoder: Encoder, tmp_path: Path) -> None:
    cache = VectorCache(tmp_path, encoder)
    cache.vectors(TEXTS[:1])
    (piece,) = tmp_path.rglob("*.npz")
    shutil.copy(piece, piece.with_name("half.npz.part"))
    assert VectorCache(tmp_path, encoder).missing(TEXTS) == sorted(TEXTS[1:], key=len)


def test_encoding_that_was_interrupted_goes_on_where_it_stopped(
    encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.encode._CHUNK", 1)

    def interrupt(done: int, _total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        VectorCache(tmp_path, encoder).vectors(TEXTS, interrupt)
    seen: list[tuple[int, int]] = []
    VectorCache(tmp_path, encoder).vectors(TEXTS, lambda *step: seen.append(step))
    assert seen == [(0, 1), (1, 1)]


def test_vectors_of_another_dimension_are_made_again_not_mixed(
    encoder: Encoder, tmp_path: Path
) -> None:
    cache = VectorCache(tmp_path, encoder)
    made = cache.vectors(TEXTS[:1])
    keys = np.frombuffer(text_hash(TEXTS[1]), np.uint8).reshape(1, 32)
    folder = next(tmp_path.rglob("*.npz")).parent
    np.savez(folder / "zzz.npz", keys=keys, vectors=np.ones((1, 7), np.float32))
    vectors = VectorCache(tmp_path, encoder).vectors(TEXTS[:2])
    assert vectors.shape == (2, 384)
    assert (vectors[0] == made[0]).all()
