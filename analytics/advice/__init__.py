"""Fit advice: whether a workflow is worth having, and which of its steps is worth moving next; each with its figures and reason."""
