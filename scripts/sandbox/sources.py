"""Where a sandbox's machines get their software: the real places where they can be reached, else stand-ins.

Neither the machine nor coursehub knows the difference: both are addresses in `mirrors:`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from coursehub.settings_schema import defaults
from sandbox import channel, image, network, state
from sandbox.commands import wait_until
from sandbox.mirror import real_conda_reachable, real_tljh_reachable

CHANNEL = "conda-forge"
REAL_CHANNEL = "https://conda.anaconda.org/conda-forge"
PORT = 8087
PATIENCE = 20.0
# Where what one machine downloads is kept for the next one. Not apt's archives: apt locks their directory,
# and two machines that install at the same time would fail.
SHARED_CACHE = "/var/cache/coursehub-sandbox"


@dataclass(frozen=True)
class Sources:
    """`mirrors` as course.yml takes them; `binds` are directories that machines share with this computer,
    so that what one downloads the next one has; `explained` says what is real and what is not."""

    mirrors: Mapping[str, object]
    binds: Mapping[str, str]
    explained: tuple[str, ...]


def prepare() -> tuple[bool, Path | None]:
    """Make what takes long, where it is missing: the machines' image and, where needed, the channel.

    Returns whether the real TLJH can be reached, and the channel that stands in for the real one, if any.
    """
    image.ensure()
    wanted = defaults()
    bootstrap = wanted["mirrors"]["tljh_bootstrap"].format(version=wanted["hub"]["tljh_version"])
    return real_tljh_reachable(bootstrap), None if real_conda_reachable(REAL_CHANNEL) else stand_in_channel()


def start() -> Sources:
    """Prepare, and start the server that hands out the stand-ins, where they are needed."""
    real_tljh, stand_in = prepare()
    mirrors: dict[str, object] = {}
    if stand_in or not real_tljh:
        url = serve(stand_in)
        if not real_tljh:
            mirrors["tljh_bootstrap"] = url + "/tljh/{version}/bootstrap.py"
        if stand_in:
            mirrors["conda"] = {CHANNEL: f"{url}/conda/{CHANNEL}"}
    explained = (
        told("TLJH", "its own installer", real_tljh),
        told("conda packages", CHANNEL, stand_in is None),
    )
    return Sources(mirrors, binds(), explained)


def stand_in_channel() -> Path:
    """The directory of a channel made from this Python and from PyPI, made now unless it is there."""
    directory = state.directory() / "channels" / CHANNEL
    channel.build(directory)
    return directory


def told(what: str, real: str, is_real: bool) -> str:
    """One line that leaves no doubt about what a machine is made of."""
    return f"{what}: {real}" if is_real else f"{what}: a stand-in, for {real} cannot be reached from here"


def binds() -> dict[str, str]:
    """The directory that machines share with this computer, made where missing."""
    outside = state.directory() / "cache" / "packages"
    outside.mkdir(parents=True, exist_ok=True)
    return {str(outside): SHARED_CACHE}


def serve(conda: Path | None) -> str:
    """The address of the server for stand-ins, started as a process of its own unless it runs already."""
    gateway = str(network.ensure().gateway)
    url = f"http://{gateway}:{PORT}"
    command = [sys.executable, "-m", "sandbox.mirror", "--address", gateway, "--port", str(PORT)]
    if conda:
        command += ["--conda", f"{CHANNEL}={conda}"]
    if running() and command_of(running()) != command:
        stop()
    if not running():
        log = state.directory() / "mirror.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": str(state.SCRIPTS)},
            )
        (state.directory() / "mirror.pid").write_text(str(process.pid))
    probe = url + "/tljh/2.0.0/bootstrap.py"
    wait_until(lambda: answers(probe), PATIENCE, f"the server for stand-ins to answer at {url}")
    return url


def answers(url: str) -> bool:
    """Whether the server gives what a machine will ask it for."""
    try:
        with urlopen(url, timeout=2) as answer:  # noqa: S310 (an address of our own)
            return answer.status == 200
    except OSError:
        return False


def running() -> int | None:
    """The number of the server's process; None when there is none, whatever the file says."""
    try:
        number = int((state.directory() / "mirror.pid").read_text())
    except (FileNotFoundError, ValueError):
        return None
    return number if "sandbox.mirror" in command_of(number) else None


def command_of(process: int) -> list[str]:
    """A process's arguments; none when it is gone."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().decode().split("\0")[:-1]
    except OSError:
        return []


def stop() -> None:
    """End the server."""
    process = running()
    if process:
        os.kill(process, signal.SIGTERM)
        wait_until(lambda: running() is None, PATIENCE, "the server for stand-ins to end")
    (state.directory() / "mirror.pid").unlink(missing_ok=True)
