"""The few ways in which the droplet's program touches the system."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

COURSE = Path("/opt/course")
STATE = COURSE / "state"
NO_SPACE = "No space left on device"
MORE_SPACE = "free some disk, or choose a larger droplet.size in course.yml"


class OperationFailed(Exception):
    """What went wrong, in words for a teacher; `detail` is longer material for whoever looks closer."""

    def __init__(self, message, fix="", detail=""):
        super().__init__(message)
        self.message, self.fix, self.detail = message, fix, detail


def run(command, *, timeout, check=True, input=None, environment=None, cwd=None):
    """Run a command given as a list; return the finished process with text output, both streams joined.

    Raises OperationFailed when it takes longer than `timeout` seconds or, with `check`, exits non-zero:
    the last lines of what it printed are the detail.
    """
    try:
        done = subprocess.run(
            [str(word) for word in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            input=input,
            text=True,
            errors="replace",
            timeout=timeout,
            env={**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})},
            cwd=cwd,
            stdin=subprocess.DEVNULL if input is None else None,
        )
    except subprocess.TimeoutExpired as error:
        output = (error.stdout or b"").decode(errors="replace") if error.stdout else ""
        raise OperationFailed(
            f"{command[0]} took longer than {timeout:.0f} s and was stopped", detail=last_lines(output)
        ) from None
    except FileNotFoundError:
        raise OperationFailed(f"the droplet has no command {command[0]}") from None
    if check and done.returncode:
        raise failed(command, f"failed with exit code {done.returncode}", done.stdout)
    return done


def failed(command, how, output):
    """The OperationFailed of a command; for a full disk, whoever met it, there is something to do."""
    fix = MORE_SPACE if NO_SPACE in output else ""
    return OperationFailed(f"{Path(str(command[0])).name} {how}", fix, last_lines(output))


def last_lines(text, count=25):
    """The last `count` lines of a text."""
    return "\n".join(text.rstrip().splitlines()[-count:])


def write_atomically(path, data, mode=0o644):
    """Put `data` (text or bytes) at `path` so that a reader, or a crash, sees all of it or none."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).chmod(mode)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def read_text(path):
    """The text of a file, or None when there is no such file. Any other trouble is raised: unknown is
    not absent."""
    try:
        return Path(path).read_text()
    except FileNotFoundError:
        return None


def read_json(path):
    """The value in a JSON file of ours, or None when it is absent or was never finished."""
    text = read_text(path)
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return None


def wait_for(condition, *, seconds, every=0.25):
    """Call `condition` until it returns None; return the last other thing it said, or None in time.

    `condition` returns None when satisfied and otherwise a sentence that says what it saw.
    """
    deadline = time.monotonic() + seconds
    while True:
        problem = condition()
        if problem is None or time.monotonic() > deadline:
            return problem
        time.sleep(every)


def free_bytes(path="/"):
    """Bytes that are free to root on the file system of `path`."""
    about = os.statvfs(path)
    return about.f_bavail * about.f_frsize


def file_systems(places):
    """{place: {"free" and "size" in bytes, "inodes": the part that is free}}, each file system once."""
    found, devices = {}, set()
    for place in places:
        if not Path(place).exists() or (device := Path(place).stat().st_dev) in devices:
            continue
        devices.add(device)
        about = os.statvfs(place)
        found[place] = {
            "free": about.f_bavail * about.f_frsize,
            "size": about.f_blocks * about.f_frsize,
            # Some file systems have no fixed number of them, and say 0.
            "inodes": about.f_favail / about.f_files if about.f_files else 1.0,
        }
    return found


def memory():
    """Bytes of memory: what the kernel has, or what the machine's control group allows, if less."""
    kernel = int((read_text("/proc/meminfo") or "MemTotal: 0 kB").split("MemTotal:")[1].split()[0]) * 1024
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        text = (read_text(limit) or "").strip()
        if text.isdigit():
            return min(kernel, int(text))
    return kernel


def stream(command, *, progress, timeout, environment=None, cwd=None):
    """Run a long command, passing each line it prints to `progress`; return its whole output.

    Raises OperationFailed like `run`. The command has a process group of its own, so that a time-out
    ends its children too.
    """
    process = subprocess.Popen(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        env={**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})},
        cwd=cwd,
        start_new_session=True,
    )
    timer = threading.Timer(timeout, os.killpg, (process.pid, signal.SIGKILL))
    timer.start()
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            if line.strip():
                progress(line.strip())
        process.wait()
    finally:
        expired = not timer.is_alive()
        timer.cancel()
    if process.returncode:
        how = (
            f"took longer than {timeout:.0f} s" if expired else f"failed with exit code {process.returncode}"
        )
        raise failed(command, how, "".join(lines))
    return "".join(lines)
