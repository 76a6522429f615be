"""Charts of the savings pages: drawn on the server by pygal, coloured by static/reports.css, each with its figures as a table."""
