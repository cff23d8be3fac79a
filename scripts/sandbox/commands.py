"""Running the host's programs: argument lists, bounded in time, one readable failure."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from coursehub.problems import Failure

KEPT_LINES = 30
# Administration's programs too, which are not in every root's path.
PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


def run(
    argv: Sequence[str],
    *,
    input: bytes | None = None,
    timeout: float = 60,
    check: bool = True,
    env: Mapping[str, str] | None = None,
    directory: Path | None = None,
    shown: Sequence[str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run `argv` to its end; `timeout` is in seconds, `shown` what messages show in its place.

    Raises Failure if the program is missing, takes longer or (with `check`) exits with another code than 0.
    """
    shown = list(shown or argv)
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"PATH": PATH} if env is None else env,
            cwd=directory,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        if error.filename != argv[0]:
            raise
        raise Failure(f"{argv[0]} is not installed", fix="run `make demo`, which installs it") from None
    try:
        output, errors = process.communicate(input, timeout)
    except BaseException as error:
        # The whole session: nsenter and sh leave children behind when only they are killed.
        os.killpg(process.pid, signal.SIGKILL)
        output, errors = b"", b""
        with contextlib.suppress(subprocess.TimeoutExpired):
            # Not for ever: a daemon that left the session may still hold the pipes.
            output, errors = process.communicate(timeout=5)
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        raise Failure(
            f"`{shown[0]}` did not end within {timeout:g} s", detail=tail(output + errors, shown)
        ) from None
    if check and process.returncode != 0:
        raise Failure(
            f"`{shown[0]}` failed with exit code {process.returncode}", detail=tail(output + errors, shown)
        )
    return subprocess.CompletedProcess(shown, process.returncode, output, errors)


def text(argv: Sequence[str], **options) -> str:
    """What `argv` prints on standard output, without the white space around it."""
    return run(argv, **options).stdout.decode(errors="replace").strip()


def tail(output: bytes, argv: Sequence[str] = ()) -> str:
    """The last lines of `output`, below the command that printed them."""
    lines = output.decode(errors="replace").splitlines()[-KEPT_LINES:]
    return "\n".join([f"$ {' '.join(argv)}", *lines] if argv else lines)


def wait_until(condition: Callable[[], bool], timeout: float, what: str, interval: float = 0.02) -> None:
    """Return as soon as `condition()` holds; after `timeout` seconds raise Failure naming `what`."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise Failure(f"{what} did not happen within {timeout:g} s")
        time.sleep(interval)
