"""Rules as pure functions: plans, outcomes of decisions, criteria, reasons, questions, roles."""
