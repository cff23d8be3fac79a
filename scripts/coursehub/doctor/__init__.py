"""The coordinator's one command when something is odd: looks at everything, changes nothing."""
