"""The process that encodes: it gets texts in pieces, and leaves their vectors in files.

It reads one line of JSON that says how, and then one line with a list of texts for each piece. To
each piece it answers with one line when the vectors are on the disk. It ends when its input ends,
and so when the process that started it has died, for whatever reason.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from model.cache import VectorCache
from model.encode import Encoder, EncoderRefused

# Everything else on the machine comes first: people wait for pages and orders, not for vectors.
_NICENESS = 19


def main() -> None:
    """Encode what standard input brings until it ends."""
    # Ctrl-C reaches the whole process group; the process that started this one ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Libraries write to standard output too; what they write must not mix with the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    try:
        cache = _open_cache(json.loads(sys.stdin.buffer.readline()))
        for line in sys.stdin.buffer:
            _encode(cache, json.loads(line))
            _answer(answers, {"stored": True})
    except EncoderRefused as error:
        _answer(answers, {"refused": str(error)})
    except OSError as error:
        _answer(answers, {"failed": f"the vectors could not be stored: {error}"})


def _open_cache(how: dict[str, Any]) -> VectorCache:
    encoder = Encoder(how["name"], sha256=how["sha256"], device=how["device"])
    cache = VectorCache(Path(how["folder"]), encoder)
    cache.files.remove_abandoned()
    return cache


def _answer(answers: TextIO, line: dict[str, Any]) -> None:
    answers.write(f"{json.dumps(line)}\n")
    answers.flush()


def _encode(cache: VectorCache, texts: list[str]) -> None:
    """Encode those of the texts that nobody has encoded yet; one process of a folder at a time."""
    cache.files.folder.mkdir(parents=True, exist_ok=True)
    with _locked(cache.files.folder / "encoder.lock"):
        missing = cache.missing(texts)
        if missing:
            cache.vectors(missing)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a file's lock, where the system and the disk have such locks.

    Without it, two processes may encode the same texts; each still writes files of its own.
    """
    with path.open("ab") as file:
        with contextlib.suppress(ImportError, OSError):
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    main()
