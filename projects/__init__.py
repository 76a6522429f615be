"""Who: the tenant, its API keys, its tier → model map, its tools."""
