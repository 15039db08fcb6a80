"""An entry of a file with tagged fields: shared by RIS, Refer, Ovid and similar formats."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Tagged:
    """The tags of one entry with the lines of each value, in file order.

    Attributes:
        typed: whether it began with the format's type tag.
        compact: whether its tags have no space before the dash.
        spaced: whether all its tags so far have two, as RIS wants.
        names: all tags so far.
    """

    position: int
    line: int
    typed: bool = True
    compact: bool = False
    spaced: bool = False
    names: set[str] = field(default_factory=set)
    values: list[tuple[str, list[str]]] = field(default_factory=list)
    # What goes on with the last line of the last value. It is joined to it once: a line that grew
    # piece by piece would be copied as often.
    _more: list[str] = field(default_factory=list)

    def _join(self) -> None:
        if self._more:
            lines = self.values[-1][1]
            lines[-1] = " ".join((lines[-1], *self._more))
            self._more.clear()

    def add(self, tag: str, value: str) -> None:
        """Add a value under a tag."""
        self._join()
        self.names.add(tag)
        self.values.append((tag, [value.strip()] if value.strip() else []))

    def add_line(self, line: str) -> None:
        """Add a line to the last value."""
        if self.values:
            self._join()
            self.values[-1][1].append(line.strip())

    def go_on(self, line: str) -> None:
        """Add a line's text to the last line of the last value."""
        if self.values and self.values[-1][1]:
            self._more.append(line.strip())
        else:
            self.add_line(line)

    def all(self, *tags: str) -> list[str]:
        """Values of the tags, in the order of the tags, each with its lines joined."""
        self._join()
        return [
            "\n".join(lines) for tag in tags for name, lines in self.values if name == tag if lines
        ]

    def in_order(self, *tags: str) -> list[str]:
        """All lines of the values of the tags, in the order of the file."""
        self._join()
        return [line for name, lines in self.values if name in tags for line in lines]

    def lines(self, *tags: str) -> list[str]:
        """All lines of the values of the tags."""
        return [line for value in self.all(*tags) for line in value.split("\n") if line.strip()]

    def flowing(self, *tags: str) -> list[str]:
        """Values of the tags with line breaks replaced by spaces."""
        return [" ".join(value.split()) for value in self.all(*tags) if value.strip()]

    def first(self, *tags: str) -> str | None:
        """The first value of the first of the tags that has one."""
        return next((value for value in self.all(*tags) if value.strip()), None)

    def text(self, *tags: str) -> str | None:
        """The first value, with line breaks replaced by spaces."""
        return next(iter(self.flowing(*tags)), None)

    def head(self, *tags: str) -> str | None:
        """First line of the first value, for fields that have only one line."""
        value = self.first(*tags)
        return value.strip().split("\n")[0] if value else None

    def rest(self, used: frozenset[str]) -> dict[str, str]:
        """Values of all other tags."""
        self._join()
        others: dict[str, list[str]] = {}
        for tag, lines in self.values:
            if tag not in used and lines:
                others.setdefault(tag, []).extend(lines)
        return {tag: "\n".join(lines) for tag, lines in others.items()}

    @property
    def excerpt(self) -> str:
        """The whole entry on one line, for a message."""
        self._join()
        return " ".join(f"{tag} {' '.join(lines)}" for tag, lines in self.values)
