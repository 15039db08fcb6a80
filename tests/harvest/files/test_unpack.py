from __future__ import annotations

import io
import tempfile

import pytest

from harvest.errors import FileTooLarge, UnreadableFile
from harvest.files.unpack import unpacked


def test_a_gzipped_file_is_the_file_in_it() -> None:
    import gzip

    with tempfile.TemporaryFile() as on_disk:  # open for writing too, as uploads are
        on_disk.write(gzip.compress(b"title\nOne\n"))
        for packed in (io.BytesIO(gzip.compress(b"title\nOne\n")), on_disk):
            with unpacked(packed) as plain:
                assert plain.read() == b"title\nOne\n"
    bomb = io.BytesIO(gzip.compress(b"0" * 1_000_000))
    with pytest.raises(FileTooLarge), unpacked(bomb, limit=100_000):
        pass
    cut = io.BytesIO(gzip.compress(b"title\nOne\n")[:-6])
    with pytest.raises(UnreadableFile, match="damaged"), unpacked(cut):
        pass
