"""The process that people start: web, worker and sweeper together. On top of everything but the demo."""
