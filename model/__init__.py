"""Turns texts and decisions into a reading order; sees only texts, arrays, labels and seeds."""
