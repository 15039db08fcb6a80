"""Make model/study_language.json, the prior that ships, from all labelled sets.

Run: python -m benchmarks.make_prior. The prior names its training sets. benchmarks.ranking
measures how well such a prior does on other sets, by training one on each half.
"""

from __future__ import annotations

import sys

from benchmarks.measuring import DATA
from benchmarks.ranking import material
from benchmarks.train_prior import save
from model.prior import SHIPPED


def main() -> None:
    """Train on every set and write the file."""
    if not DATA.is_dir():
        sys.exit(f"skipped: the labelled sets are not at {DATA}")
    prior = material().priors["AB"]
    save(prior, SHIPPED)
    print(f"{len(prior.terms)} terms from {len(prior.trained_on)} sets: {SHIPPED.name}")


if __name__ == "__main__":
    main()
