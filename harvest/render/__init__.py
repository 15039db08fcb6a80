"""The tree of a strategy in each source's own syntax, with the list of what was lost."""
