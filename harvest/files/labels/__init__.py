"""Reads what screening tools write into their exports about decisions: one module for each tool."""
