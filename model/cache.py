"""Vectors of texts: those on disk, and those that are encoded when they are needed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from model.encode import Encoder, Progress, Vectors
from model.vector_files import VectorFiles, text_hash

# How often texts are encoded once more because their file was found damaged.
_TRIES: Final = 3


class VectorCache:
    """Vectors of one encoder in one folder.

    Args:
        folder: holds the caches; each encoder gets a folder in it.
        encoder: makes the vectors.
    """

    def __init__(self, folder: Path, encoder: Encoder) -> None:
        self.encoder = encoder
        self.files = VectorFiles(folder / re.sub(r"[^A-Za-z0-9._@-]+", "_", encoder.identity))

    def missing(self, texts: Sequence[str]) -> list[str]:
        """Those of the texts that have no vector yet, each once, shortest first."""
        self.files.refresh()
        return [*self._missing(texts, map(text_hash, texts)).values()]

    def _missing(self, texts: Sequence[str], hashes: Iterable[bytes]) -> dict[bytes, str]:
        pairs = zip(hashes, texts, strict=True)
        missing = {key: text for key, text in pairs if key not in self.files}
        # Texts of similar length go together: a batch is as slow as its longest text.
        return dict(sorted(missing.items(), key=lambda item: (len(item[1]), item[0])))

    def known(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts as far as they are there; nothing is encoded.

        Returns:
            Shape (n_texts, dimension), with rows of nan where there is none yet.
        """
        self.files.refresh()
        return self.files.find([text_hash(text) for text in texts])

    def vectors(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Vectors of texts, shape (n_texts, dimension); missing ones are encoded and kept.

        Args:
            texts: any number of texts.
            progress: called with (encoded, to encode) after every batch.

        Raises:
            OSError: what was written cannot be read again.
        """
        hashes = [text_hash(text) for text in texts]
        for _ in range(_TRIES):
            self.files.refresh()
            missing = self._missing(texts, hashes)
            if progress:
                progress(0, len(missing))
            keys = list(missing)
            done = 0
            for vectors in self.encoder.encode([*missing.values()]):
                self.files.write(keys[done : done + len(vectors)], vectors)
                done += len(vectors)
                if progress:
                    progress(done, len(keys))
            found = self.files.find(hashes)
            # A file that was found damaged just now leaves its texts to be encoded again.
            if not np.isnan(found).any():
                return found
        raise OSError(f"{self.files.folder}: files of vectors are damaged as soon as they are read")
