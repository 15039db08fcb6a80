"""Metrics of a reading order, replays of finished reviews, and checks against known records."""
