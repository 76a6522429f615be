"""What a figure was made of: the rows of the ledger, and the executions."""
