"""Who carries an execution from turn to turn and does the waiting between them: one thread, or the loop of a worker."""
