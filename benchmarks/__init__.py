"""Measures this product beside its peers, in the same run: `python benchmarks/run.py --help`. Nothing imports it."""
