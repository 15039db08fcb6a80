"""Texts that wait to be encoded, of all reviews, and how far each review is."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from model.vector_files import text_hash

# Texts that are encoded at a time, in some seconds on a small machine.
PIECE: Final = 64
# Texts among which those of similar length go together: a batch is as slow as its longest text.
# They are drawn by their hash, so that what is encoded first is no particular kind of text.
_WINDOW: Final = 16 * PIECE
# Shares of a review's texts at which its order is made again with what has been encoded since.
_STEPS: Final = (0.5, 0.75, 0.9, 1.0)
COMPLETE: Final = len(_STEPS)

# A review, and which of its texts: those of its records, or of those that wait in its pool.
Part = tuple[int, str]
RECORDS: Final = "records"
POOL: Final = "pool"


def get_step(known: int, of: int) -> int:
    """How many of the shares have been reached at which an order is made again, 0 to ``COMPLETE``.

    Args:
        known: texts that have a vector.
        of: all texts.
    """
    return sum(known >= share * of for share in _STEPS)


@dataclass(frozen=True, slots=True)
class Piece:
    """Texts of one review that are encoded together."""

    part: Part
    texts: tuple[str, ...]


@dataclass(slots=True)
class _Waiting:
    """What is left of one part.

    Attributes:
        left: the texts in the order in which they are encoded.
        of: all texts of the part, those with a vector too.
        asked: how many were left at first.
    """

    left: dict[str, None]
    of: int
    asked: int = field(init=False)

    def __post_init__(self) -> None:
        self.asked = len(self.left)

    @property
    def step(self) -> int:
        return get_step(self.of - len(self.left), self.of)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the encoding of a part is."""

    done: int
    total: int


class WaitingTexts:
    """Gives out texts in pieces, the reviews in turn, so that none waits behind a large one.

    Any thread may use it.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._parts: OrderedDict[Part, _Waiting] = OrderedDict()
        # Reviews whose order is to be made again, and the step that their features need for it.
        self._due: dict[int, int] = {}

    def ask(self, part: Part, texts: Sequence[str], of: int, first: Sequence[str] = ()) -> int:
        """Ask for vectors, in place of what was asked for this part before.

        Args:
            part: the review, and which of its texts.
            texts: those without a vector.
            of: how many texts there are in all.
            first: those among ``texts`` that are needed most.

        Returns:
            The step that the part has reached, see ``get_step``.
        """
        wanted = set(texts)
        left = dict.fromkeys(text for text in first if text in wanted)
        left |= dict.fromkeys(_mixed([*wanted - left.keys()]))
        with self._changed:
            waiting = _Waiting(left, max(of, len(left)))
            if left:
                self._parts[part] = waiting
                self._changed.notify_all()
            else:
                self._parts.pop(part, None)
            return waiting.step

    def mark_due(self, review_id: int) -> None:
        """Have a review's order made again with the vectors that there are."""
        with self._changed:
            self._due[review_id] = 0

    def list_due(self) -> dict[int, int]:
        """Reviews whose order is to be made again, and the step that their features need."""
        with self._changed:
            return dict(self._due)

    def settle(self, review_id: int, step: int) -> None:
        """Note that a review's order was made from features of a step."""
        with self._changed:
            if self._due.get(review_id, COMPLETE + 1) <= step:
                del self._due[review_id]

    def is_waiting(self, part: Part) -> bool:
        """Whether texts of a part are still to be encoded."""
        with self._changed:
            return part in self._parts

    def forget(self, part: Part) -> None:
        """Encode nothing more of a part."""
        with self._changed:
            self._parts.pop(part, None)

    def take(self, seconds: float) -> Piece | None:
        """The next piece, which stays in the queue until it is done; None if none came in time."""
        with self._changed:
            if not self._parts and not self._changed.wait_for(lambda: self._parts, seconds):
                return None
            part, waiting = next(iter(self._parts.items()))
            self._parts.move_to_end(part)
            texts = [text for text, _ in zip(waiting.left, range(PIECE), strict=False)]
            return Piece(part, tuple(texts))

    def finish(self, piece: Piece) -> Progress | None:
        """Note that a piece is encoded; None if nobody waits for its part any more."""
        with self._changed:
            waiting = self._parts.get(piece.part)
            if waiting is None:
                return None
            before = waiting.step
            for text in piece.texts:
                waiting.left.pop(text, None)
            review_id, kind = piece.part
            if kind == RECORDS and waiting.step > before:
                self._due[review_id] = waiting.step
            if not waiting.left:
                del self._parts[piece.part]
            return Progress(waiting.asked - len(waiting.left), waiting.asked)

    def put_back(self, piece: Piece) -> Progress | None:
        """Try a piece that failed again, after the part's other texts."""
        with self._changed:
            waiting = self._parts.get(piece.part)
            if waiting is None:
                return None
            for text in piece.texts:
                if text in waiting.left:
                    waiting.left[text] = waiting.left.pop(text)
            return Progress(waiting.asked - len(waiting.left), waiting.asked)


def _mixed(texts: list[str]) -> list[str]:
    """Texts in an order that depends on them alone."""
    texts.sort(key=text_hash)
    windows = [texts[at : at + _WINDOW] for at in range(0, len(texts), _WINDOW)]
    return [text for window in windows for text in sorted(window, key=len)]
