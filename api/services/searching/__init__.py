"""Strategies and their counts, imports, and runs at the sources."""
