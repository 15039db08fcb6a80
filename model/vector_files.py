"""Vectors on disk, as files of plain arrays that are checked each time they are read; no pickle.

Each piece goes into a file of its own, which is written under a temporary name, forced to the disk
and then renamed. So two processes never write the same file, one may read while another writes, and
a killed process leaves no half-written one.
"""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import io
import logging
import os
import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

Vectors = NDArray[np.float32]
Keys = NDArray[np.uint8]

_DAMAGED: Final = ".damaged-"
# Seconds after which a file that was not finished belongs to a process that was killed.
_ABANDONED: Final = 3600.0


class DamagedFile(ValueError):
    """A file is cut off or changed; nothing of it is used."""


def text_hash(text: str) -> bytes:
    """SHA-256 of a text, the key of its vector."""
    return hashlib.sha256(text.encode("utf-8", errors="replace")).digest()


@dataclass(frozen=True, slots=True)
class SetAside:
    """A damaged file that was renamed.

    Attributes:
        path: where it is now.
        day: when it was found damaged.
    """

    path: Path
    day: dt.date


def list_set_aside(folder: Path) -> list[SetAside]:
    """Damaged files of all encoders, the oldest first.

    Args:
        folder: holds one folder for each encoder; it need not exist.
    """
    found = []
    for path in folder.glob(f"*/*{_DAMAGED}*"):
        try:
            day = dt.date.fromisoformat(path.name.rpartition(_DAMAGED)[2])
        except ValueError:
            continue  # Somebody gave it another name since.
        found.append(SetAside(path, day))
    return sorted(found, key=lambda one: (one.day, one.path))


class VectorFiles:
    """The vectors of one encoder in one folder, by the hash of their text.

    Only the keys are kept in memory.

    Args:
        folder: need not exist yet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # The threads of a worker share this.
        self._lock = threading.RLock()
        self._place: dict[bytes, tuple[str, int]] = {}
        self._files_read: set[str] = set()
        self._dimension: int | None = None

    def __contains__(self, key: bytes) -> bool:
        return key in self._place

    def refresh(self) -> None:
        """Take note of new files, our own or another process's."""
        with self._lock:
            self._refresh()

    def _refresh(self) -> None:
        if not self.folder.is_dir():
            return
        new = [path for path in self.folder.glob("*.npz") if path.name not in self._files_read]
        # The newest first: it says which dimension the encoder's vectors have now.
        for path in sorted(new, key=_age_and_name):
            piece = self._read(path.name)
            if piece is not None:
                self._add(path.name, *piece)

    def find(self, keys: Sequence[bytes]) -> Vectors:
        """Vectors, shape (n_keys, dimension); rows of nan where there is none.

        Without any vector, the dimension is 1.
        """
        with self._lock:
            return self._find(keys)

    def _find(self, keys: Sequence[bytes]) -> Vectors:
        vectors = np.full((len(keys), self._dimension or 1), np.nan, np.float32)
        by_file: dict[str, list[tuple[int, int]]] = {}
        for at, key in enumerate(keys):
            if key in self._place:
                name, row = self._place[key]
                by_file.setdefault(name, []).append((at, row))
        for name, rows in by_file.items():
            piece = self._read(name)
            if piece is None:
                self._forget(name)
                continue
            at, row = np.array(rows).T
            vectors[at] = piece[1][row]
        return vectors

    def write(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Keep vectors, shape (n_keys, dimension); when this returns, they are on the disk."""
        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"{secrets.token_hex(12)}.npz"
        waiting = self.folder / f"{name}.part"
        hashes = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(len(keys), 32)
        with waiting.open("wb") as file:
            np.savez(file, keys=hashes, vectors=vectors, checksum=_checksum(hashes, vectors))
            file.flush()
            os.fsync(file.fileno())
        os.replace(waiting, self.folder / name)  # noqa: PTH105 - atomic on every system
        _force(self.folder)
        with self._lock:
            if self._dimension not in (None, vectors.shape[1]):
                # Another dimension means another encoder: encode again, never mix the two.
                self._place.clear()
                self._dimension = None
            self._add(name, hashes, vectors)

    def remove_abandoned(self) -> None:
        """Remove what killed processes began to write and did not finish."""
        for path in self.folder.glob("*.npz.part"):
            try:
                if time.time() - path.stat().st_mtime > _ABANDONED:
                    path.unlink()
            except FileNotFoundError:
                continue

    def _add(self, name: str, keys: Keys, vectors: Vectors) -> None:
        self._files_read.add(name)
        if self._dimension is None:
            self._dimension = vectors.shape[1]
        if vectors.shape[1] == self._dimension:
            for row, key in enumerate(keys):
                self._place.setdefault(key.tobytes(), (name, row))

    def _forget(self, name: str) -> None:
        self._files_read.discard(name)
        self._place = {key: place for key, place in self._place.items() if place[0] != name}

    def _read(self, name: str) -> tuple[Keys, Vectors] | None:
        """A file's keys and vectors; None if it has gone or was set aside as damaged."""
        path = self.folder / name
        try:
            return _parse(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            # A bad place on the disk is damage; a file that we are not allowed to read is not.
            if error.errno != errno.EIO:
                raise
            self._set_aside(path, error)
        except DamagedFile as error:
            self._set_aside(path, error)
        return None

    def _set_aside(self, path: Path, error: Exception) -> None:
        aside = path.with_name(f"{path.name}{_DAMAGED}{dt.datetime.now(dt.UTC):%Y-%m-%d}")
        try:
            path.rename(aside)
        except FileNotFoundError:
            return  # Another process found it first.
        logger.error(
            "The file of vectors %s is damaged (%s). It was renamed to %s, and its texts are "
            "encoded again.",
            path,
            error,
            aside.name,
        )


def _age_and_name(path: Path) -> tuple[float, str]:
    try:
        return -path.stat().st_mtime, path.name
    except FileNotFoundError:
        return 0.0, path.name


def _checksum(keys: Keys, vectors: Vectors) -> Keys:
    digest = hashlib.sha256(keys.tobytes() + vectors.tobytes()).digest()
    return np.frombuffer(digest, np.uint8)


def _parse(data: bytes) -> tuple[Keys, Vectors]:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            keys, vectors = arrays["keys"], arrays["vectors"]
            # Older files have none; the archive's own check covers them.
            checksum = arrays["checksum"] if "checksum" in arrays.files else None
    except Exception as error:
        # Damage shows in many ways: a bad archive, a wrong header, an absurd size.
        raise DamagedFile(str(error) or type(error).__name__) from error
    if keys.dtype != np.uint8 or vectors.dtype != np.float32:
        raise DamagedFile(f"arrays of {keys.dtype} and {vectors.dtype}")
    if vectors.ndim != 2 or keys.shape != (len(vectors), 32):
        raise DamagedFile(f"arrays of shape {keys.shape} and {vectors.shape}")
    if checksum is not None and not np.array_equal(checksum, _checksum(keys, vectors)):
        raise DamagedFile("the checksum differs")
    return keys, vectors


def _force(folder: Path) -> None:
    """Force a folder's names to the disk, where the system can."""
    if os.name != "posix":
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
