"""Records, the reports that they make up, and what is known about them."""
