"""Strategies, searches and their files, runs, the pool, and scheduled searches."""
