"""An encoder in a process of its own, which holds the model only while there is something to do."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import model
from model.encode import EncoderRefused

# The module that the process runs.
PROGRAM = "model.encoder_child"
_ROOT: Final = str(Path(next(iter(model.__path__))).parent)
# What the child needs of this process's environment, which has passwords too.
_KEPT: Final = (
    "PATH HOME USERPROFILE LANG LC_ALL LC_CTYPE TMPDIR TEMP TMP SYSTEMROOT LD_LIBRARY_PATH "
    "DYLD_LIBRARY_PATH PYTHONHOME VIRTUAL_ENV OMP_NUM_THREADS CUDA_VISIBLE_DEVICES"
).split()
# Where a model from the hub is, and how to get it.
_KEPT_PREFIXES: Final = ("HF_", "HUGGINGFACE_", "TRANSFORMERS_", "TORCH_", "HTTP", "NO_PROXY")
_GRACE_SECONDS: Final = 5.0


class EncoderDied(RuntimeError):
    """The process ended before it had stored a piece; what it had stored before is kept."""


@dataclass(frozen=True, slots=True)
class EncoderChoice:
    """Which encoder, and where its vectors go; see ``model.encode.Encoder``."""

    folder: Path
    name: str
    sha256: str | None
    device: str | None


class EncoderProcess:
    """Starts the process with the first piece, and again after it was ended.

    Args:
        choice: which encoder.
    """

    def __init__(self, choice: EncoderChoice) -> None:
        self._choice = choice
        self._process: subprocess.Popen[bytes] | None = None
        # Guards the process between ``encode`` and ``close`` of another thread.
        self._lock = threading.Lock()
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The process's number; None if there is none."""
        process = self._process
        return None if process is None else process.pid

    def encode(self, texts: Sequence[str]) -> None:
        """Encode a piece; when this returns, its vectors are on the disk.

        Raises:
            EncoderRefused: the weights are missing or not the expected ones.
            EncoderDied: the process ended.
        """
        try:
            process = self._running()
            assert process.stdin is not None
            assert process.stdout is not None
            _send(process.stdin, list(texts))
            answer = json.loads(process.stdout.readline() or b"{}")
        except (OSError, ValueError) as error:
            self._end()
            raise EncoderDied(f"the encoder's process ended: {error}") from error
        if answer.get("stored"):
            return
        code = self._end()
        if "refused" in answer:
            raise EncoderRefused(answer["refused"])
        raise EncoderDied(answer.get("failed") or f"the encoder's process ended with {code}")

    def rest(self) -> None:
        """End the process, and with it the memory of the model, until the next piece."""
        self._end()

    def close(self) -> None:
        """End the process for good; may be called while another thread waits for a piece."""
        with self._lock:
            self._closed = True
            process = self._process
        if process is not None:
            process.kill()

    def _running(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise EncoderDied("the encoder was stopped")
            if self._process is None:
                self._start()
            assert self._process is not None
            return self._process

    def _start(self) -> None:
        kept = {
            name: value
            for name, value in os.environ.items()
            if name.upper() in _KEPT or name.upper().startswith(_KEPT_PREFIXES)
        }
        # The program of this process, wherever it was started.
        paths = {"PYTHONPATH": _ROOT, "PYTHONSAFEPATH": "1"}
        self._process = subprocess.Popen(  # noqa: S603 - a module of ours
            [sys.executable, "-m", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=kept | paths,
        )
        assert self._process.stdin is not None
        choice = self._choice
        how = {
            "folder": str(choice.folder.absolute()),
            "name": choice.name,
            "sha256": choice.sha256,
            "device": choice.device,
        }
        _send(self._process.stdin, how)

    def _end(self) -> int | None:
        """End the process and wait for it; its exit status, None if there was none."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return None
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            code = process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        process.stdout.close()
        return code


def _send(pipe: IO[bytes], message: object) -> None:
    pipe.write(json.dumps(message).encode() + b"\n")
    pipe.flush()
