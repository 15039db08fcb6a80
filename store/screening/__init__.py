"""Decisions and everything around them: queue, conflicts, pilot rounds, assignments."""
