"""Cards and decisions, conflicts, agreement, and the team."""
