"""What a provider says that was used, beside what the ledger says: its exports are read, kept, and compared."""
