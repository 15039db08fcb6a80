"""Shapes of the API: what comes in, and what goes out where it differs from a dataclass."""
