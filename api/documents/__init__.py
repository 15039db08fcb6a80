"""What leaves the program as a file: exports and plots."""
