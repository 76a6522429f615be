"""What the admin shows that takes everything below: the first page, and the figures of a workflow."""
