"""All SQL of Winnow: functions that take a session and return dataclasses or ids."""
