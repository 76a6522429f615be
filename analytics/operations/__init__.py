"""What operators watch: what a completed task costs and takes, by version, step, tier, model, lane and day."""
