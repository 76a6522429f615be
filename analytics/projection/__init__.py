"""What the recorded executions say of those to come: payback, projection, and what-if."""
