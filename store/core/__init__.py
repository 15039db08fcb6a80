"""What the rest of the store builds on: engine, sessions, tables, errors, audit trail, jobs."""
