"""What leaves the service as a whole: tables in a file, and summaries that are sent at fixed times."""
