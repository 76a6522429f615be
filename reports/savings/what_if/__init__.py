"""What days to come bring, and what the same executions would have cost otherwise."""
