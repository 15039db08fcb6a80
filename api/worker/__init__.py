"""The worker process: the resident ranker and the jobs, and how the server keeps it running."""
