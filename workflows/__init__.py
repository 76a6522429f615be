"""Designed once: the definition format, its versions and publications, the sandbox and the prompts."""
