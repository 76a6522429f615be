"""Executed forever: a generator engine, its driver, coverage, flags and the queue."""
