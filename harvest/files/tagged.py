"""An entry of a file that names its fields by tags: what RIS, Refer, Ovid and the like share."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Tagged:
    """The tags of one entry with the lines of each value, in file order.

    Attributes:
        typed: whether it began with the tag that begins an entry.
    """

    position: int
    line: int
    typed: bool = True
    values: list[tuple[str, list[str]]] = field(default_factory=list)

    def add(self, tag: str, value: str) -> None:
        """A new value under a tag."""
        self.values.append((tag, [value.strip()] if value.strip() else []))

    def go_on(self, line: str) -> None:
        """A further line of the last value."""
        if self.values:
            self.values[-1][1].append(line.strip())

    def all(self, *tags: str) -> list[str]:
        """Values of the tags, in the order of the tags, continuation lines joined."""
        return [
            "\n".join(lines) for tag in tags for name, lines in self.values if name == tag if lines
        ]

    def lines(self, *tags: str) -> list[str]:
        """Each line of the values of the tags by itself."""
        return [line for value in self.all(*tags) for line in value.split("\n") if line.strip()]

    def flowing(self, *tags: str) -> list[str]:
        """Values whose lines are one text that was broken for its length."""
        return [" ".join(value.split()) for value in self.all(*tags) if value.strip()]

    def first(self, *tags: str) -> str | None:
        """The first value of the first of the tags that has one."""
        return next((value for value in self.all(*tags) if value.strip()), None)

    def text(self, *tags: str) -> str | None:
        """The first value, its lines as one text."""
        return next(iter(self.flowing(*tags)), None)

    def head(self, *tags: str) -> str | None:
        """First line of the first value: for fields that never run over several lines."""
        value = self.first(*tags)
        return value.strip().split("\n")[0] if value else None

    def rest(self, used: frozenset[str]) -> dict[str, str]:
        """What stands under other tags."""
        found: dict[str, str] = {}
        for tag, lines in self.values:
            if tag not in used and lines:
                text = "\n".join(lines)
                found[tag] = f"{found[tag]}\n{text}" if tag in found else text
        return found

    @property
    def excerpt(self) -> str:
        """All of it, for a message."""
        return " ".join(f"{tag} {' '.join(lines)}" for tag, lines in self.values)
