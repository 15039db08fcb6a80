"""Reads the files that databases and reference managers export: one pure parser for each format."""
