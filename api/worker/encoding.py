"""The worker's thread that has texts encoded, by a process that runs only while there are some."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from api.services.ranking.encoding import choose_encoder
from api.services.ranking.encoding_progress import EncodingProgress
from api.services.ranking.waiting_texts import Part, Piece, Progress, WaitingTexts
from api.settings import Settings
from model.encode import EncoderRefused
from model.encoder_process import EncoderDied, EncoderProcess
from store.core.session import Store

logger = logging.getLogger(__name__)

# Seconds within which the thread notices that it should stop.
_BLINK = 0.5
# Seconds after which a piece that failed is tried again; they double each time.
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0


class Encoding:
    """Has waiting texts encoded, piece by piece.

    Args:
        store: the database, for the progress that pages show.
        settings: the encoder, and how long its process may be idle.
        waiting: the texts.
        encoded: called when an order can be made from more vectors.
    """

    def __init__(
        self, store: Store, settings: Settings, waiting: WaitingTexts, encoded: Callable[[], None]
    ) -> None:
        self._store = store
        self._waiting = waiting
        self._encoded = encoded
        self._idle_seconds = settings.encoder.idle_seconds
        self._stop = threading.Event()
        self.process = EncoderProcess(choose_encoder(settings))
        self._progress: dict[Part, EncodingProgress] = {}
        # What went wrong last time, for the parts for which that has been reported.
        self._said: dict[Part, str] = {}
        self._thread = threading.Thread(target=self._run, name="encoding", daemon=True)

    def start(self) -> None:
        """Begin; no process is started before there is a text to encode."""
        self._thread.start()

    def close(self) -> None:
        """Stop at once: stored pieces are kept, and the others wait for the next worker."""
        self._stop.set()
        self.process.close()
        self._thread.join()
        for progress in self._progress.values():
            progress.end("failed", "interrupted")

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        busy = time.monotonic()
        while not self._stop.is_set():
            piece = self._waiting.take(_BLINK)
            if piece is None:
                if time.monotonic() - busy > self._idle_seconds:
                    self.process.rest()
                continue
            try:
                self._encode(piece)
                pause = _FIRST_PAUSE
            except Exception as error:  # noqa: BLE001 - no failure may end the thread
                if self._stop.is_set():
                    return
                self._fail(piece, error)
                self._stop.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            busy = time.monotonic()
        self.process.rest()

    def _encode(self, piece: Piece) -> None:
        self.process.encode(piece.texts)
        reached = self._waiting.finish(piece)
        self._said.pop(piece.part, None)
        if reached is not None:
            self._report(piece.part, reached)
        if not self._waiting.is_waiting(piece.part) or self._waiting.list_due():
            self._encoded()

    def _report(self, part: Part, reached: Progress) -> None:
        if part not in self._progress:
            self._progress[part] = EncodingProgress(self._store, part[0])
        self._progress[part].report(reached.done, reached.total)
        if reached.done == reached.total:
            self._progress.pop(part).end("done")

    def _fail(self, piece: Piece, error: Exception) -> None:
        """Say what went wrong, once for each part, and try its other texts first."""
        if isinstance(error, (EncoderRefused, EncoderDied)):
            logger.error("encoding failed: %s", error)
        else:
            logger.exception("encoding failed")
        reached = self._waiting.put_back(piece)
        if reached is None or self._said.get(piece.part) == str(error):
            return
        self._said[piece.part] = str(error)
        try:
            progress = self._progress.pop(piece.part, None)
            if progress is None:
                progress = EncodingProgress(self._store, piece.part[0])
                progress.report(reached.done, reached.total)
            progress.end("failed", f"Reading texts: {error}. Winnow tries again.")
        except Exception:
            # The database may be what failed.
            logger.exception("the progress of encoding could not be stored")
