"""The droplet's program, stopped in the middle of an operation: so that a quick one can be struck there too.

The program knows nothing of it. A module among the machine's own Python packages sets an audit hook in it
(https://docs.python.org/3/library/audit_events.html), which stops the process, once, when an operation has
come to the chosen place. It is armed by a file in /run, and so for no longer than until the machine restarts.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path

from sandbox.machine import Machine

PROGRAM = b"zlib.decompress"
ARMED = "/run/coursehub-hold"
HOOK = f"""
import json, os, signal, sys

try:
    with open("/proc/self/cmdline") as command, open({ARMED!r}) as armed:
        places = json.load(armed) if {PROGRAM.decode()!r} in command.read() else None
except FileNotFoundError:
    places = None
CHANGES = ("subprocess.Popen", "os.mkdir", "os.remove", "os.rename", "os.symlink", "open")
seen = []

def operation():
    frame = sys._getframe(2)
    while frame:
        if (frame.f_code.co_filename, frame.f_code.co_name) == ("<coursehub program>", "answer"):
            return frame.f_locals.get("name")
        frame = frame.f_back

def hook(event, arguments):
    if event not in CHANGES or (event == "open" and not arguments[2] & os.O_ACCMODE):
        return
    name = operation()
    if name not in places["operations"]:
        return
    seen.append(event)
    words = places["words"].get(name)
    if words in str(arguments) if words else len(seen) == 2:
        places["operations"].remove(name)
        if os.path.exists({ARMED!r}):
            os.kill(os.getpid(), signal.SIGSTOP)

if places:
    sys.addaudithook(hook)
"""


def processes(box: Machine, words: bytes) -> list[int]:
    """The machine's processes, as this computer numbers them, with `words` in their command line."""
    found = []
    for process in box.group.processes():
        with contextlib.suppress(OSError):
            if words in Path(f"/proc/{process}/cmdline").read_bytes():
                found.append(process)
    return found


def prepare(box: Machine) -> None:
    """Put the hook into the machine, where it waits to be armed."""
    packages = box.run(["python3", "-c", "import site; print(site.getsitepackages()[0])"]).stdout.decode()
    box.run(["mkdir", "-p", packages.strip()])
    for name, text in (("coursehub_hold.py", HOOK), ("coursehub_hold.pth", "import coursehub_hold\n")):
        box.run(["dd", f"of={packages.strip()}/{name}", "status=none"], input=text.encode())


def arm(box: Machine, operations: list[str], words: Mapping[str, str]) -> None:
    """From the program's next start until `disarm`, stop it in each of `operations`: before the change whose
    description has the operation's `words` in it, or else before its second change."""
    places = json.dumps({"operations": operations, "words": dict(words)})
    box.run(["dd", f"of={ARMED}", "status=none"], input=places.encode())


def held(box: Machine) -> list[int]:
    """The programs that are stopped."""
    found = []
    for process in processes(box, PROGRAM):
        with contextlib.suppress(OSError):
            if "\nState:\tT" in Path(f"/proc/{process}/status").read_text():
                found.append(process)
    return found


def disarm(box: Machine) -> None:
    """Stop programs no more."""
    box.run(["rm", "-f", ARMED])


def let_go(box: Machine) -> None:
    """Let the stopped programs go on."""
    for process in held(box):
        os.kill(process, signal.SIGCONT)
