"""What crosses the boundary of the process: strict JSON, problems, money as text, pages of a list. Knows no app."""
