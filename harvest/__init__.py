"""Turns bibliographic files and sources into records; knows neither the database nor the model."""
