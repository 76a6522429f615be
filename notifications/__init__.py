"""Being told: what happened to executions and flags goes to webhooks and e-mail addresses that a project names."""
