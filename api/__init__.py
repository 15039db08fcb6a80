"""Puts harvest, model and store together; HTTP, HTML and the command line end here."""

__version__ = "0.1.0"
