"""Sending messages: bounded in time, once more when it fails, and never a secret in what is said of it."""

from __future__ import annotations

import json
import smtplib
import ssl
import time
from collections.abc import Iterable
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from ..health.bounded import together, within
from .messages import BODIES, Message, mail
from .notify_targets import MAIL, MATRIX, Target

PATIENCE, PAUSE, TRIES = 10.0, 2.0, 2
"""Seconds for one try, seconds before the next, and how many there are."""
TOO_MANY = 429


class NotSent(Exception):
    """Why it was not sent, in words without a secret. `again` is whether another try may help."""

    def __init__(self, words: str, again: bool = True):
        super().__init__(words)
        self.again = again


class _Stay(HTTPRedirectHandler):
    """No redirection is followed: the address is the secret, and the message would be lost on the way."""

    def redirect_request(self, *_: object) -> None:
        return None


def send(said: Message, targets: Iterable[Target], patience: float = PATIENCE) -> list[str]:
    """Tell everybody, at the same time; what went wrong."""
    jobs = {target.name: lambda target=target: deliver(said, target, patience) for target in targets}
    whole = TRIES * patience + PAUSE + 1.0
    results = together(whole, jobs)
    return [f"{name} got no message: {why(error)}" for name, error in results.items() if error is not None]


def why(error: object) -> str:
    """An error in words. What it says itself may hold an address or a password, so only ours is told."""
    return str(error) if isinstance(error, NotSent) else type(error).__name__


def deliver(said: Message, target: Target, patience: float) -> None:
    """Raises NotSent."""
    for attempt in range(1, TRIES + 1):
        try:
            once(said, target, patience)
            return
        except NotSent as trouble:
            if attempt == TRIES or not trouble.again:
                raise
        time.sleep(min(PAUSE, patience))


def once(said: Message, target: Target, patience: float) -> None:
    """One try. Raises NotSent."""
    job = by_mail if target.kind == MAIL else by_web
    try:
        within(patience, lambda: job(said, target, patience + 1))
    except TimeoutError as error:
        raise NotSent(f"no answer within {patience:g} s") from error
    except smtplib.SMTPException as error:
        raise NotSent(f"the mail server refuses: {mail_words(error)}", again=passes(error)) from None
    except ssl.SSLError as error:
        raise NotSent(f"no encrypted connection ({error.reason or type(error).__name__})") from None
    except URLError as error:
        reason = error.reason
        if isinstance(reason, TimeoutError):
            raise NotSent(f"no answer within {patience:g} s") from None
        words = getattr(reason, "strerror", None) or getattr(reason, "reason", None) or type(reason).__name__
        raise NotSent(f"no connection ({words})") from None
    except OSError as error:
        raise NotSent(f"no connection ({error.strerror or type(error).__name__})") from None
    except (HTTPException, ValueError) as error:
        raise NotSent(f"no answer that can be understood ({type(error).__name__})") from None


def by_web(said: Message, target: Target, patience: float) -> None:
    body = json.dumps(BODIES[target.kind](said)).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "coursehub"}
    if target.authorization:
        headers["Authorization"] = target.authorization
    address, method = target.address, "POST"
    if target.kind == MATRIX:
        address, method = f"{address}/{said.number}", "PUT"
    request = Request(address, body, headers, method=method)  # noqa: S310
    try:
        with build_opener(_Stay).open(request, timeout=patience) as answer:
            status = answer.status
    except HTTPError as error:
        error.close()
        status = error.code
    if 300 <= status < 400:
        words = "which leads elsewhere, and a message is not sent on: give the new address"
        raise NotSent(f"it answered {status}, {words}", again=False)
    if not 200 <= status < 300:
        raise NotSent(f"it answered {status}", again=status >= 500 or status == TOO_MANY)


def by_mail(said: Message, target: Target, patience: float) -> None:
    context = ssl.create_default_context()
    if target.encrypted:
        line: smtplib.SMTP = smtplib.SMTP_SSL(target.host, target.port, timeout=patience, context=context)
    else:
        line = smtplib.SMTP(target.host, target.port, timeout=patience)
    with line:
        line.ehlo()
        if not target.encrypted and line.has_extn("starttls"):
            line.starttls(context=context)
            line.ehlo()
        elif not target.encrypted and not target.near:
            raise NotSent("the mail server offers no encryption (STARTTLS)", again=False)
        if target.user:
            line.login(target.user, target.password)
        line.send_message(mail(said, target), target.sender, list(target.receivers))


def passes(error: smtplib.SMTPException) -> bool:
    """Whether another try may help: after numbers from 400 on, and when the connection broke."""
    code = getattr(error, "smtp_code", None)
    return isinstance(error, smtplib.SMTPServerDisconnected) or (isinstance(code, int) and 400 <= code < 500)


def mail_words(error: smtplib.SMTPException) -> str:
    """The mail server's own words may name people: only its number is told."""
    known = {
        smtplib.SMTPAuthenticationError: "the user or the password",
        smtplib.SMTPSenderRefused: "the sender",
        smtplib.SMTPRecipientsRefused: "the receivers",
        smtplib.SMTPNotSupportedError: "the way to log in, or the addresses",
    }
    code = getattr(error, "smtp_code", None)
    words = known.get(type(error), type(error).__name__)
    return f"{words} ({code})" if code else words
