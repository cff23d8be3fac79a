"""What the hub's log-in page looks like, to whoever looks from outside."""

from __future__ import annotations

FORM, BUTTON = "<form", "/hub/oauth_login"
"""For a password, and what leads to the provider that people sign in at."""


def is_log_in_page(text: str) -> bool:
    """Whether somebody can log in on a page that says this."""
    return FORM in text or BUTTON in text
