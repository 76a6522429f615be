"""The story that `manage.py demo` tells: a support desk's workflow, its messages, its tools and a scripted model."""
