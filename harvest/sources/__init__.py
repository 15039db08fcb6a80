"""Public sources: one adapter and one pure parser each, behind one protocol."""
