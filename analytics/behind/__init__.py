"""The rows behind the figures of a report: which they are, and what they come to."""
