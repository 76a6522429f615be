"""The loop that makes it a memory: the frontier designs a workflow once, and patches it where flags show a gap."""
