"""Finds records of the same report: keys find pairs, rules compare them, pairs form groups."""
