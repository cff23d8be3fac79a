"""What is shown of the hub's health, and kept of it: history, badges, the status page, incidents.

Standard library only: it runs on a runner with nothing installed. What a check came to (`model.Check`) is
judged elsewhere (coursehub.health); here it is put beside what was known before.
"""
