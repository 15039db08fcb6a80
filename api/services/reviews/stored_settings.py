"""Settings as they were stored with a review, read with care.

A value that an older version, a mended database or a fault of ours has left broken is read as not
set: it must not stop this review's pages, nor the work for other reviews.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from store.reviews.reviews import ReviewInfo

logger = logging.getLogger(__name__)

T = TypeVar("T")
# What a parser of a stored value may raise. All of them mean that the value is not of its type.
_BROKEN = (ValueError, TypeError, KeyError, AttributeError, OverflowError)


@dataclass(frozen=True, slots=True)
class BrokenSetting:
    """A stored setting that cannot be read.

    Attributes:
        key: of the setting.
        reason: what is wrong with the value.
    """

    key: str
    reason: str


def read_setting(review: ReviewInfo, key: str, parse: Callable[[Any], T], default: T) -> T:
    """A setting of a review; the default if it was never set, or cannot be read.

    Args:
        review: the review.
        key: of the setting.
        parse: turns the stored JSON value into the setting, or raises an error such as ValueError.
        default: what holds if the setting was never set.
    """
    value = review.settings.get(key)
    if value is None:
        return default
    try:
        return parse(value)
    except _BROKEN as error:
        logger.warning("%s: the setting %r is left out: %s", review.slug, key, _explain(error))
        return default


def list_broken_settings(
    review: ReviewInfo, parsers: Mapping[str, Callable[[Any], Any]]
) -> list[BrokenSetting]:
    """The stored settings of a review that cannot be read, in the sequence of the parsers."""
    broken = []
    for key, parse in parsers.items():
        value = review.settings.get(key)
        if value is not None:
            try:
                parse(value)
            except _BROKEN as error:
                broken.append(BrokenSetting(key, _explain(error)))
    return broken


def _explain(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{where}: {first['msg']}" if where else first["msg"]
    return str(error) or type(error).__name__
