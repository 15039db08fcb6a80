"""How much a file may cost to read."""

from __future__ import annotations

from dataclasses import dataclass

_MB = 1_000_000
# Memory that a file of a few bytes may need, and what each byte more may need besides.
_SMALL_SHARE = 5
_MEMORY_PER_BYTE = 40
# What is read from a file may be so many times its size, and this much at least.
_OUTPUT_PER_BYTE = 20
_OUTPUT_LEAST = 64 * _MB


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one file may take. The names are those of the settings under ``files``.

    Attributes:
        seconds_per_mb: computing time for each million bytes of the file, at least one.
        memory_mb: memory for a large file; a small one gets a fifth.
        unpacked_mb: size of an archive's content.
        columns: columns of a table.
        field_length: characters of one field of a record.
    """

    seconds_per_mb: int = 8
    memory_mb: int = 2000
    unpacked_mb: int = 200
    columns: int = 1000
    field_length: int = 1_000_000

    @property
    def unpacked(self) -> int:
        """Size of an archive's content, in bytes."""
        return self.unpacked_mb * _MB

    def seconds(self, size: int) -> int:
        """Computing time for a file of so many bytes, in seconds."""
        return self.seconds_per_mb * max(1, -(-size // _MB))

    def memory(self, size: int) -> int:
        """Memory for a file of so many bytes, in bytes."""
        most = self.memory_mb * _MB
        return min(most, most // _SMALL_SHARE + _MEMORY_PER_BYTE * size)

    def output(self, size: int) -> int:
        """Size of what is read from a file of so many bytes, in bytes."""
        return _OUTPUT_LEAST + _OUTPUT_PER_BYTE * size


DEFAULT = Limits()
_used = DEFAULT


def use_limits(limits: Limits) -> None:
    """Take these for every file that this process reads from now on; the program's start sets them.

    They are the program's, as its address is, so that no caller of a parser can forget them.
    """
    global _used
    _used = limits


def get_limits() -> Limits:
    """What reading one file may take in this process."""
    return _used
