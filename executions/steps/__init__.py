"""How steps are performed: one file per kind, and one for lists of any kind."""
