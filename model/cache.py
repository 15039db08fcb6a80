"""Cache vectors on disk by encoder and hash of the text, as plain arrays, never pickle.

Each batch goes into a new file, written under a temporary name and then renamed. So two processes
never write the same file, and a killed process leaves no half-written one.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from model.encode import Encoder, Progress, Vectors


def text_hash(text: str) -> bytes:
    """SHA-256 of a text, the key of its vector."""
    return hashlib.sha256(text.encode("utf-8", errors="replace")).digest()


class VectorCache:
    """Vectors of one encoder in one folder.

    Args:
        folder: holds the caches; each encoder gets a folder in it.
        encoder: makes the vectors.
    """

    def __init__(self, folder: Path, encoder: Encoder) -> None:
        self.encoder = encoder
        self._folder = folder / re.sub(r"[^A-Za-z0-9._@-]+", "_", encoder.identity)
        self._place: dict[bytes, tuple[int, int]] = {}
        self._pieces: list[Vectors] = []
        self._files_read: set[str] = set()

    def _refresh(self) -> None:
        """Read files that are new, our own or another process's."""
        if not self._folder.is_dir():
            return
        for path in sorted(self._folder.glob("*.npz")):
            if path.name in self._files_read:
                continue
            with np.load(path, allow_pickle=False) as data:
                self._add(data["keys"], data["vectors"])
            self._files_read.add(path.name)

    def _add(self, keys: np.ndarray[tuple[int, int], np.dtype[np.uint8]], vectors: Vectors) -> None:
        if self._pieces and self._pieces[0].shape[1] != vectors.shape[1]:
            return  # Another dimension means another encoder: encode again, never mix the two.
        piece = len(self._pieces)
        self._pieces.append(vectors)
        for row, key in enumerate(keys):
            self._place.setdefault(key.tobytes(), (piece, row))

    def _write(self, hashes: Sequence[bytes], vectors: Vectors) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        name = f"{secrets.token_hex(12)}.npz"
        temporary = self._folder / f"{name}.part"
        keys = np.frombuffer(b"".join(hashes), dtype=np.uint8).reshape(len(hashes), 32)
        with temporary.open("wb") as file:
            np.savez(file, keys=keys, vectors=vectors)
        os.replace(temporary, self._folder / name)  # noqa: PTH105 - atomic on every system
        self._files_read.add(name)
        self._add(keys, vectors)

    def missing(self, texts: Sequence[str]) -> list[str]:
        """Those of the texts that have no vector yet, each once, shortest first."""
        self._refresh()
        return [*self._missing(texts, map(text_hash, texts)).values()]

    def _missing(self, texts: Sequence[str], hashes: Iterable[bytes]) -> dict[bytes, str]:
        pairs = zip(hashes, texts, strict=True)
        missing = {key: text for key, text in pairs if key not in self._place}
        # Texts of similar length go together: a batch is as slow as its longest text.
        return dict(sorted(missing.items(), key=lambda item: (len(item[1]), item[0])))

    def vectors(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Vectors of texts, shape (n_texts, dimension); missing ones are encoded and kept.

        Args:
            texts: any number of texts.
            progress: called with (encoded, to encode) after every batch.
        """
        self._refresh()
        hashes = [text_hash(text) for text in texts]
        missing = self._missing(texts, hashes)
        if progress:
            progress(0, len(missing))
        keys = list(missing)
        done = 0
        for vectors in self.encoder.encode([*missing.values()]):
            self._write(keys[done : done + len(vectors)], vectors)
            done += len(vectors)
            if progress:
                progress(done, len(keys))
        if not texts:
            return np.zeros((0, self._pieces[0].shape[1] if self._pieces else 0), np.float32)
        places = [self._place[key] for key in hashes]
        return np.stack([self._pieces[piece][row] for piece, row in places])
