"""The only place with SQL: functions that take a session and give dataclasses or ids."""
