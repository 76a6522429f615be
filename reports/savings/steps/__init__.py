"""The routed workflow as a picture: what each step is, on what, at what cost."""
