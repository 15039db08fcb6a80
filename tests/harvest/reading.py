"""Parse a file's content in tests."""

from __future__ import annotations

import io
from collections.abc import Mapping

from harvest.file_content import FileContent
from harvest.files.read import read_file


def read(data: str | bytes, mapping: Mapping[str, str] | None = None) -> FileContent:
    """The parsed content of a file with this text."""
    return read_file(
        io.BytesIO(data if isinstance(data, bytes) else data.encode()), mapping=mapping
    )
