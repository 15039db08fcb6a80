"""A search strategy as a tree: parsed from numbered lines or blocks, matched against records."""
