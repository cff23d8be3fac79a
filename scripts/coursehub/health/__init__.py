"""The hub looked at from outside. Standard library only: it runs on a runner with nothing installed."""
