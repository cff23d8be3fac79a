"""A look at the hub from outside, as a student's browser has it. Every wait is bounded."""

from __future__ import annotations

import time

from .model import Check

TIMEOUT = 5.0


def probe(url: str, patience: float = 0.0) -> list[Check]:
    """The hub's API and its log-in page, tried until both are good or `patience` seconds have passed."""
    deadline = time.monotonic() + patience
    while True:
        checks = [api(url), login_page(url)]
        if all(check.good for check in checks) or time.monotonic() > deadline:
            return checks
        time.sleep(0.5)


def api(url: str) -> Check:
    """Whether JupyterHub itself answers, not just something on its port."""
    answer, seen = get(url + "/hub/api/")
    if answer is None:
        return Check("hub", False, seen)
    try:
        version = answer.json()["version"]
    except (ValueError, KeyError, TypeError):
        return Check("hub", False, f"{url}/hub/api/ answered {answer.status_code}, not as JupyterHub does")
    return Check("hub", answer.status_code == 200, f"JupyterHub {version}")


def login_page(url: str) -> Check:
    """Whether a student finds the page to log in on."""
    answer, seen = get(url + "/hub/login")
    if answer is None:
        return Check("log-in page", False, seen)
    good = answer.status_code == 200 and "<form" in answer.text
    return Check("log-in page", good, f"{url}/hub/login answered {answer.status_code}")


def get(url: str):
    """(answer, "") or (None, what was seen instead)."""
    import requests

    try:
        return requests.get(url, timeout=TIMEOUT, allow_redirects=False), ""
    except requests.RequestException as error:
        return None, f"{url}: {error}"
