"""Measured: what a workflow cost, what sending everything to the frontier would have cost, and what that saved."""
