"""A course's things in its DigitalOcean account: looked at, compared with the settings, brought about."""
