"""Whether a workflow fits, and which step is worth moving next."""
