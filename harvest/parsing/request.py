"""What the reading process and the one that waits for it both know."""

from __future__ import annotations

from typing import Final

# The variable that holds the request.
REQUEST: Final = "WINNOW_FILE_REQUEST"
# Exit statuses of a process that ends itself.
OUT_OF_MEMORY: Final = 81
OUT_OF_TIME: Final = 82
ABANDONED: Final = 83
