"""Runs: one walk through a source's results, with its pages."""
