"""Does it learn? What versions escalate, what a redesign costs, what came back, and how long a fix takes."""
