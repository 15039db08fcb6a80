"""Texts and decisions to an order; sees texts, fields, arrays, labels and seeds only."""
