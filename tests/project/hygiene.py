"""No large files, no secrets, no paths of someone's machine in what is committed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.shared import ROOT

LARGEST = 600_000
_SECRETS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bwnw_[A-Za-z0-9_-]{40,}|\bAKIA[0-9A-Z]{16}\b"
)


def tracked() -> list[Path]:
    """Files that git knows, and those it would take; in an unpacked archive, none."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return [ROOT / name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


def problems() -> list[str]:
    """What must not be committed, one line each."""
    found = []
    for path in tracked():
        name = path.relative_to(ROOT)
        if path.stat().st_size > LARGEST:
            found.append(f"{name}: larger than {LARGEST} bytes")
        text = path.read_text(encoding="utf-8", errors="replace")
        if _SECRETS.search(text):
            found.append(f"{name}: looks like a secret")
    return found


if __name__ == "__main__":
    lines = problems()
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.exit(bool(lines))
