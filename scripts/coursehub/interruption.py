"""What a cancelled run leaves behind: its connections closed, and one sentence, not where the program was."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import TracebackType

from .github.workflow_commands import add_summary

SENTENCE = "Cancelled. Run it again: it goes on from what it finds"
INTERRUPTED = 128 + signal.SIGINT
"""The exit code of a program that was interrupted, by the shells' convention."""


def expect() -> None:
    """From now on SIGTERM, with which Actions follows up a cancellation, ends the program in the same order
    as SIGINT; and who cancels is told what to do next."""
    if threading.current_thread() is threading.main_thread():  # others may not
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.excepthook = tell


def tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """The end of a program by an exception that nobody caught."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    # Once more would interrupt the very sentence.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print(SENTENCE, file=sys.stderr, flush=True)
    add_summary(f"### {SENTENCE}\n", os.environ)
    # Threads that still wait for the network have nothing to tell any more.
    os._exit(INTERRUPTED)
