"""What the hub's log-in page looks like, to whoever looks from outside."""

from __future__ import annotations

FORM, BUTTON, ELSEWHERE = "<form", "/hub/oauth_login", 'id="sign-in-elsewhere"'
"""For a password, what leads to the provider that people sign in at, and the words (`lti_hub`) that tell them
to come from their learning platform."""


def is_log_in_page(text: str) -> bool:
    """Whether somebody can log in on a page that says this."""
    return any(sign in text for sign in (FORM, BUTTON, ELSEWHERE))
