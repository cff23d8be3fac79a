"""The conversation with the workflow: requests in on stdin, answers out on stdout, one at a time.

A request is a line of JSON, `{"operation": …, "parameters": {…}, "payload": BYTES}`, followed by that
many bytes. The answers are lines of JSON: any number of `{"progress": TEXT}` and `{"alive": true}`, then
one of `{"result": …, "for": OPERATION}`, `{"failure": {…}}` (the operation says what is wrong) or
`{"bug": TRACEBACK}`.

The process holds the deploy lock, so the lock cannot outlive it. It ends when its input ends, and when
nothing has been heard for `SILENCE` seconds, as after a cut that sshd has not noticed. An operation that
has begun is finished all the same: half an `apt-get` is worse than a whole one.
"""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import sys
import threading
import traceback

from coursehub.droplet import (
    activity,
    audit,
    by_hand,
    configuration,
    content,
    doctor,
    downloads,
    environment,
    first_contact,
    generations,
    home_files,
    homes,
    host_key,
    hub,
    hub_packages,
    installers,
    isolation,
    look,
    packages,
    people,
    retention,
    rollback,
    shared,
    standing,
    storage,
    swap,
    users,
    volume,
    watchdog,
)
from coursehub.droplet.lock import take_lock
from coursehub.droplet.system import MORE_SPACE, OperationFailed

SILENCE = 90.0
BEAT = 5.0

OPERATIONS = {
    "look": look.look,
    "doctor.look": doctor.look,
    "ping": lambda: None,
    "lock": take_lock,
    "swap.add": swap.add,
    "packages.install": packages.install,
    "isolation.settle": isolation.settle,
    "storage.mount": storage.mount,
    "storage.grow": volume.grow,
    "storage.settle_homes": homes.settle,
    "hub.install": hub.install,
    "authenticator.install": hub_packages.install,
    "environment.install_tools": installers.install_tools,
    "environment.install": environment.install,
    "environment.switch": generations.switch,
    "environment.list": rollback.listing,
    "environment.rollback": rollback.rollback,
    "environment.pardon": generations.pardon,
    "environment.collect": retention.collect,
    "content.publish": content.publish,
    "shared.settle": shared.settle,
    "shared.publish": shared.publish,
    "users.set_passwords": users.set_passwords,
    "watchdog.install": watchdog.install,
    "watchdog.remove": watchdog.remove,
    "configuration.apply": configuration.apply,
    "downloads.fetch": downloads.fetch,
    "downloads.record": downloads.record,
    "downloads.forget": downloads.forget,
    "downloads.tidy": downloads.tidy,
    "activity.look": activity.look,
    "people.look": people.look,
    "people.reset_password": people.reset_password,
    "people.settle": standing.settle,
    "people.remove": standing.remove,
    "people.archive_files": home_files.archive,
    "people.remove_files": home_files.remove,
    "by_hand.forget": by_hand.forget,
    "audit.record": audit.record,
    "first_contact.authorize": first_contact.authorize,
    "first_contact.refuse_passwords": first_contact.refuse_passwords,
    "host_key.prepare": host_key.prepare,
    "host_key.activate": host_key.activate,
}
TAKES_PAYLOAD = {"content.publish", "shared.publish"}
TAKES_PROGRESS = {
    "packages.install",
    "storage.mount",
    "hub.install",
    "environment.install_tools",
    "environment.install",
    "configuration.apply",
    "downloads.fetch",
}


class Conversation:
    """The two ends of the pipe, read without ever waiting longer than `SILENCE` seconds."""

    def __init__(self, source, sink):
        self.source, self.sink = source, sink
        self.buffer = b""
        self.writing = threading.Lock()

    def fill(self):
        """Read what is there; raise EOFError at the end of the input and on silence."""
        ready, _, _ = select.select([self.source], [], [], SILENCE)
        piece = os.read(self.source, 1 << 20) if ready else b""
        if not piece:
            raise EOFError
        self.buffer += piece

    def read_line(self):
        while b"\n" not in self.buffer:
            self.fill()
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line

    def read(self, size):
        """Yield `size` bytes in pieces."""
        while size:
            if not self.buffer:
                self.fill()
            piece, self.buffer = self.buffer[:size], self.buffer[size:]
            size -= len(piece)
            yield piece

    def say(self, **message):
        """Send one answer. A peer that is gone must not stop an operation midway, so errors are dropped."""
        data = json.dumps(message).encode() + b"\n"
        try:
            with self.writing:
                while data:
                    data = data[os.write(self.sink, data) :]
        except OSError:
            pass


class Payload:
    """The bytes that follow a request, to be read once, in order."""

    def __init__(self, conversation, size):
        self.left = size
        self.conversation = conversation

    def read(self, size):
        """Yield `size` bytes in pieces."""
        self.left -= size
        if self.left < 0:
            raise OperationFailed("the request promised fewer bytes than it needs")
        return self.conversation.read(size)


def answer(conversation, request):
    """Do one request and say how it went."""
    name = request["operation"]
    arguments = dict(request.get("parameters") or {})
    payload = Payload(conversation, request.get("payload", 0))
    if name in TAKES_PAYLOAD:
        arguments["payload"] = payload
    if name in TAKES_PROGRESS:
        arguments["progress"] = lambda text: conversation.say(progress=text)
    done = threading.Event()

    def beat():
        while not done.wait(BEAT):
            conversation.say(alive=True)

    threading.Thread(target=beat, daemon=True).start()
    try:
        message = {"result": OPERATIONS[name](**arguments), "for": name}
    except OperationFailed as error:
        message = {"failure": {"message": error.message, "fix": error.fix, "detail": error.detail}}
    except EOFError:
        raise
    except OSError as error:
        message = {"failure": explained(error)}
    except Exception:
        message = {"bug": traceback.format_exc()}
    finally:
        done.set()
    for _ in payload.read(payload.left):
        pass
    conversation.say(**message)


def explained(error):
    """The system's own troubles, in words for a teacher."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return {"message": "the droplet's disk is full", "fix": MORE_SPACE, "detail": str(error)}
    return {"message": f"the droplet's system refused: {error}", "fix": "run the deploy again", "detail": ""}


def main():
    """Answer requests until there are no more."""
    # A closed connection must not end an operation midway: see the module's text.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    os.umask(0o022)
    conversation = Conversation(0, os.dup(1))
    # What a child prints by mistake must not be read as an answer.
    os.dup2(2, 1)
    try:
        while True:
            answer(conversation, json.loads(conversation.read_line()))
    except EOFError:
        sys.exit(0)
