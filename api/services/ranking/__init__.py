"""The resident ranker, and what it can say about an order."""
