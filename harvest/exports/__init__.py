"""Writes records with their decisions as files: one module for each format.

``read_back`` is their counterpart: it reads these files without changing any value.
"""
