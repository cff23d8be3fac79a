"""What a person asks of the course's things in its account, beside a deploy: a module for each script."""
