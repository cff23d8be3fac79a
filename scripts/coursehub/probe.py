"""A look at the hub from outside, as a student's browser has it. Every wait is bounded."""

from __future__ import annotations

import time

from .log_in_page import is_log_in_page
from .model import Check
from .tls import certificate

TIMEOUT = 5.0


def probe(url: str, *, test_service: bool = False, patience: float = 0.0) -> list[Check]:
    """The hub's API, its log-in page and, of an encrypted one, its certificate and the way there from http:
    tried until all are good or `patience` seconds have passed.

    With `test_service`, the certificate need not be one that browsers trust.
    """
    deadline = time.monotonic() + patience
    while True:
        checks = [api(url, not test_service), login_page(url, not test_service)]
        if url.startswith("https:"):
            checks += [certificate(url, test_service), redirection(url)]
        if all(check.good for check in checks) or time.monotonic() > deadline:
            return checks
        time.sleep(0.5)


def settled_url(url: str, patience: float) -> str:
    """`url`, or its encrypted form where http only leads there, as with a certificate for a bare address:
    asked for until something answers or `patience` seconds have passed."""
    deadline = time.monotonic() + patience
    while True:
        answer, _ = get(url + "/hub/api/", False)
        if answer is not None:
            leads_on = answer.is_redirect and answer.headers["Location"].startswith("https:")
            return url.replace("http:", "https:", 1) if leads_on else url
        if time.monotonic() > deadline:
            return url
        time.sleep(0.5)


def api(url: str, trusted: bool = True) -> Check:
    """Whether JupyterHub itself answers, not just something on its port."""
    answer, seen = get(url + "/hub/api/", trusted)
    if answer is None:
        return Check("hub", False, seen)
    try:
        version = answer.json()["version"]
    except (ValueError, KeyError, TypeError):
        return Check("hub", False, f"{url}/hub/api/ answered {answer.status_code}, not as JupyterHub does")
    return Check("hub", answer.status_code == 200, f"JupyterHub {version}")


def login_page(url: str, trusted: bool = True) -> Check:
    """Whether a student finds the page to log in on."""
    answer, seen = get(url + "/hub/login", trusted)
    if answer is None:
        return Check("log-in page", False, seen)
    good = answer.status_code == 200 and is_log_in_page(answer.text)
    return Check("log-in page", good, f"{url}/hub/login answered {answer.status_code}")


def redirection(url: str) -> Check:
    """Whether who comes without encryption is sent to it."""
    plain = url.replace("https:", "http:", 1)
    answer, seen = get(plain + "/hub/login")
    if answer is None:
        return Check("http", False, seen)
    there = answer.headers.get("Location", "")
    good = answer.is_redirect and there.startswith("https://")
    return Check("http", good, f"{plain} leads to {there or 'nothing else'} ({answer.status_code})")


def get(url: str, trusted: bool = True):
    """(answer, "") or (None, what was seen instead). A test service's certificate is not `trusted`."""
    import requests
    import urllib3

    if not trusted:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    try:
        return requests.get(url, timeout=TIMEOUT, allow_redirects=False, verify=trusted), ""
    except requests.RequestException as error:
        return None, f"{url}: {error}"
