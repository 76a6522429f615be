"""One file per question. Each measures the peers that it is given, in turn, and answers with a table."""
