"""Search strategies as trees: parsed from numbered lines or blocks, and matched with records."""
