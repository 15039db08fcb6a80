"""One script a claim; each writes JSON, from which docs/benchmarks.md is made."""
