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
    """

    position: int
    line: int
    typed: bool = True
    compact: bool = False
    spaced: bool = False
    values: list[tuple[str, list[str]]] = field(default_factory=list)

    def add(self, tag: str, value: str) -> None:
        """Add a value under a tag."""
        self.values.append((tag, [value.strip()] if value.strip() else []))

    def add_line(self, line: str) -> None:
        """Add a line to the last value."""
        if self.values:
            self.values[-1][1].append(line.strip())

    def go_on(self, line: str) -> None:
        """Add a line's text to the last line of the last value."""
        if self.values and self.values[-1][1]:
            self.values[-1][1][-1] += f" {line.strip()}"
        else:
            self.add_line(line)

    def all(self, *tags: str) -> list[str]:
        """Values of the tags, in the order of the tags, each with its lines joined."""
        return [
            "\n".join(lines) for tag in tags for name, lines in self.values if name == tag if lines
        ]

    def in_order(self, *tags: str) -> list[str]:
        """All lines of the values of the tags, in the order of the file."""
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
        others: dict[str, str] = {}
        for tag, lines in self.values:
            if tag not in used and lines:
                text = "\n".join(lines)
                others[tag] = f"{others[tag]}\n{text}" if tag in others else text
        return others

    @property
    def excerpt(self) -> str:
        """The whole entry on one line, for a message."""
        return " ".join(f"{tag} {' '.join(lines)}" for tag, lines in self.values)
