"""Reviews, the people in them, and their accounts."""
