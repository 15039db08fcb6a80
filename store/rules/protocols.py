"""Whether a stored protocol has the shape that the rules expect, part by part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from store.core.json_text import UnreadableJson

# What is wrong if nothing of a protocol can be read.
_ALL: Final = "all of it"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_object(value: object) -> bool:
    return value is None or isinstance(value, Mapping)


def _is_year(value: object) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool))


def _are_texts(value: object) -> bool:
    """Whether a value is a list of keys, each with a text."""
    return isinstance(value, list) and all(
        isinstance(each, Mapping)
        and isinstance(each.get("key"), str)
        and isinstance(each.get("text"), str)
        for each in value
    )


def _is_plan(value: object) -> bool:
    if not isinstance(value, Mapping) or not isinstance(value.get("stage"), str):
        return False
    calibration = value.get("calibration")
    return (
        _is_number(value.get("dual_share"))
        and _is_number(value.get("second_look"))
        and isinstance(value.get("seed"), int)
        and _is_object(calibration)
        and _is_object((calibration or {}).get("switch"))
    )


def _are_plans(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_plan, value))


def _are_limits(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        _is_year(value.get(key)) for key in ("year_from", "year_to")
    )


_CHECKS: Final[Mapping[str, Callable[[object], bool]]] = {
    "plans": _are_plans,
    "reasons": _are_texts,
    "questions": _are_texts,
    "limits": _are_limits,
    "ranking": _is_object,
}


def list_unreadable_parts(body: object) -> list[str]:
    """The parts of a stored protocol that have a wrong shape; empty if it can be used."""
    if not isinstance(body, Mapping) or isinstance(body, UnreadableJson):
        return [_ALL]
    return [key for key, check in _CHECKS.items() if body.get(key) and not check(body[key])]


def get_readable_parts(body: Any) -> Mapping[str, Any]:
    """A stored protocol without the parts that have a wrong shape."""
    unreadable = list_unreadable_parts(body)
    if unreadable == [_ALL]:
        return {}
    return {key: value for key, value in body.items() if key not in unreadable}
