"""Bibliographic sources to records; knows neither database nor model."""
