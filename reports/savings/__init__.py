"""The savings pages: what was saved, at what quality, how sure that is, and when it paid itself back."""
