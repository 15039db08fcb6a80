"""Evaluation and the reports on searching and screening."""
