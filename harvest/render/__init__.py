"""Renders a strategy in each source's own syntax, with a list of what the translation lost."""
