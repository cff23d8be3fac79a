"""`scripts/notify.py`: a message to everybody in NOTIFY, to see whether it arrives."""

from __future__ import annotations

import time
from collections.abc import Mapping

from ..github.standalone import Said
from ..problems import Failure
from .messages import Message
from .model import UP, Incident
from .notify_targets import targets_from
from .sending import send

TRIAL = "trial"
WORDS = "This is a trial of the messages about the hub: nothing is wrong"


def act(environ: Mapping[str, str]) -> Said:
    """Send it. Raises Failure with every line that did not work."""
    targets, troubles = targets_from(environ.get("NOTIFY") or "")
    if not targets and not troubles:
        raise Failure("NOTIFY is empty", "set it to a line for each receiver, as the secret has it")
    now = time.time()
    lines = (("Sent by", "scripts/notify.py"),)
    message = Message(TRIAL, WORDS, lines, (), "Trial", now, Incident(now, UP, WORDS), "", "")
    troubles += send(message, targets)
    if troubles:
        raise Failure("; ".join(troubles), "correct these lines; the others have got the message")
    return Said(f"A message was taken by {', '.join(target.name for target in targets)}")
