"""How often the frontier says the same, and what it would cost."""
