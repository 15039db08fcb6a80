"""Compare the limits of a strategy with those of its review's protocol."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harvest.languages import name_languages
from harvest.render.dates import first_and_last_day
from harvest.strategy.tree import Expanded, Limit, Strategy, expand

# Searchers write an open end as a year that cannot be meant, such as 1000 or 3000.
_OPEN_BEFORE, _OPEN_AFTER = 1900, 2100


@dataclass(frozen=True, slots=True)
class ReviewLimits:
    """What a protocol considers; an empty tuple or None sets no limit."""

    year_from: int | None = None
    year_to: int | None = None
    languages: tuple[str, ...] = ()
    types: tuple[str, ...] = ()

    @property
    def years(self) -> str:
        """The years in words; "" for all."""
        return name_years(self.year_from, self.year_to)


def name_years(first: int | None, last: int | None) -> str:
    """Years in words, such as "2011 to 2022"; "" if there is no limit."""
    if first is not None and last is not None:
        return str(first) if first == last else f"{first} to {last}"
    if first is not None:
        return f"{first} and later"
    return "" if last is None else f"{last} and earlier"


@dataclass(frozen=True, slots=True)
class _Limited:
    """What every record that a tree finds must have; None for no limit.

    ``years`` are the first and last day, YYYY-MM-DD.
    """

    years: tuple[str, str] | None = None
    languages: frozenset[str] | None = None
    types: frozenset[str] | None = None


def list_limit_warnings(
    strategy: Strategy, wanted: ReviewLimits, line: str | None = None
) -> list[str]:
    """Sentences on where a line of a strategy, by default the line to run, limits otherwise.

    Raises:
        StrategyError: the line refers to itself, or to a line that does not exist.
    """
    name = line or strategy.use
    found = _find_limits(expand(strategy, name))
    return [
        *_compare_years(found.years, wanted, name),
        *_compare_names("language", _names(wanted.languages), found.languages, wanted, name),
        *_compare_names("type", _fold(wanted.types), found.types, wanted, name),
    ]


def _find_limits(node: Expanded) -> _Limited:
    if node.node == "not":
        return _Limited()
    if node.node in ("and", "or"):
        parts = [_find_limits(child) for child in node.children]
        return _all_of(parts) if node.node == "and" else _any_of(parts)
    leaf = node.leaf
    if not isinstance(leaf, Limit):
        return _Limited()
    if leaf.kind == "years":
        return _Limited(years=first_and_last_day(leaf.value))
    if leaf.kind == "language":
        return _Limited(languages=_names([leaf.value]))
    return _Limited(types=_fold([leaf.value])) if leaf.kind == "type" else _Limited()


def _all_of(parts: list[_Limited]) -> _Limited:
    years = [part.years for part in parts if part.years]
    languages = [part.languages for part in parts if part.languages is not None]
    types = [part.types for part in parts if part.types is not None]
    return _Limited(
        (max(first for first, _ in years), min(last for _, last in years)) if years else None,
        frozenset.intersection(*languages) if languages else None,
        frozenset.union(*types) if types else None,
    )


def _any_of(parts: list[_Limited]) -> _Limited:
    years = [part.years for part in parts if part.years]
    languages = [part.languages for part in parts if part.languages is not None]
    types = [part.types for part in parts if part.types is not None]
    n = len(parts)
    return _Limited(
        (min(first for first, _ in years), max(last for _, last in years))
        if len(years) == n
        else None,
        frozenset.union(*languages) if len(languages) == n else None,
        frozenset.union(*types) if len(types) == n else None,
    )


def _names(languages: Iterable[str]) -> frozenset[str]:
    """One name for each language, however it is written."""
    return frozenset(name for language in languages for name in name_languages(language))


def _fold(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.strip().lower() for name in names if name.strip())


def _compare_years(found: tuple[str, str] | None, wanted: ReviewLimits, line: str) -> list[str]:
    if not wanted.years:
        return []
    says = f"The protocol is limited to {wanted.years}."
    if found is None:
        return [f"{says} Line #{line} of the strategy has no limit on years."]
    first, last = found
    own_first = None if int(first[:4]) <= _OPEN_BEFORE else first
    own_last = None if int(last[:4]) >= _OPEN_AFTER else last
    wanted_first = f"{wanted.year_from:04d}-01-01" if wanted.year_from else None
    wanted_last = f"{wanted.year_to:04d}-12-31" if wanted.year_to else None
    more = (wanted_first is not None and (own_first or "") < wanted_first) or (
        wanted_last is not None and (own_last or "9") > wanted_last
    )
    less = (own_first or "") > (wanted_first or "") or (own_last or "9") < (wanted_last or "9")
    own = _name_days(own_first, own_last)
    said = []
    if more:
        said.append(f"{says} Line #{line} of the strategy also finds records outside: {own}.")
    if less:
        said.append(f"{says} Line #{line} of the strategy leaves some of that out: {own}.")
    return said


def _name_days(first: str | None, last: str | None) -> str:
    """First and last day in words, as years if they are whole ones."""
    start = first and first.removesuffix("-01-01")
    end = last and last.removesuffix("-12-31")
    if start and end:
        return f"its limit is {start} to {end}"
    if start:
        return f"its limit is {start} and later"
    return f"its limit is {end} and earlier" if end else "it has no limit on years"


def _compare_names(
    kind: str,
    wanted: frozenset[str],
    found: frozenset[str] | None,
    protocol: ReviewLimits,
    line: str,
) -> list[str]:
    if not wanted:
        return []
    own = protocol.languages if kind == "language" else protocol.types
    says = f"The protocol is limited to the {kind}{'s' if len(own) > 1 else ''} {_join(own)}."
    if found is None:
        return [f"{says} Line #{line} of the strategy has no limit on {kind}."]
    said = []
    for names, what in ((found - wanted, "also finds"), (wanted - found, "leaves out")):
        if names:
            said.append(f"{says} Line #{line} of the strategy {what} {_join(sorted(names))}.")
    return said


def _join(names: Iterable[str]) -> str:
    return ", ".join(names)
