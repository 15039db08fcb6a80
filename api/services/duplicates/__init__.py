"""Finding duplicates, answering questions about them, and studies."""
