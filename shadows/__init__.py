"""What the baseline's model would have cost, and said: measured on a sample of the executions."""
