"""What the watchdog can do. Each act ends by itself, and says in words what it did."""

from __future__ import annotations

from coursehub.droplet import configuration
from coursehub.droplet.retention import CONDA_CACHE, UV_CACHE
from coursehub.droplet.system import OperationFailed, read_json, read_text, run, wait_for
from coursehub.watchdog import ssh

HOMES = "coursehub-home.service"
"""As in coursehub.droplet.storage, most of which the watchdog does not need."""
PATIENCE = 45.0
"""Seconds for the hub to come up after an act."""


def restart_hub(on):
    """People's servers go on meanwhile."""
    come_up("hub")
    return "restarted the hub"


def restart_proxy(on):
    """With it, systemd restarts the hub, which tells the proxy the ways to the people's servers anew."""
    come_up("proxy")
    return "restarted the proxy and the hub"


def come_up(what):
    run(["systemctl", "reset-failed", "jupyterhub.service", "traefik.service"], timeout=30, check=False)
    # Not `restart` for the hub alone: where the proxy is down as well, the hub requires it and starts it.
    units = ["traefik.service", "jupyterhub.service"] if what == "proxy" else ["jupyterhub.service"]
    run(["systemctl", "restart", *units], timeout=60, check=False)
    wait_for(configuration.problem_for_students, seconds=PATIENCE)


def changed():
    """The files of the hub's configuration that are not as when the hub was last seen healthy; the deploy
    keeps a copy of them (`configuration.keep`)."""
    good = read_json(configuration.GOOD) or {}
    return [path for path, file in good.items() if "text" in file and read_text(path) != file["text"]]


def take_back(on):
    """Put the configuration back that the hub was last seen healthy with."""
    paths = changed()
    good = read_json(configuration.GOOD) or {}
    configuration.put({path: good[path] for path in paths})
    # What is there now is not what was deployed last: the next deploy must not take it for that.
    configuration.APPLIED.unlink(missing_ok=True)
    run(["systemctl", "daemon-reload"], timeout=60, check=False)
    come_up("proxy")
    return f"took back the last change of {', '.join(path.rpartition('/')[2] for path in paths)}"


def mount_homes(on):
    """Its service starts the hub as well."""
    run(["systemctl", "reset-failed", HOMES], timeout=30, check=False)
    run(["systemctl", "restart", HOMES], timeout=300, check=False)
    wait_for(configuration.problem_for_students, seconds=PATIENCE)
    return "mounted the volume with the homes again"


def free_caches(on):
    """What can be fetched again, and old logs; nobody's files."""
    run(["apt-get", "clean"], timeout=120, check=False)
    run(["journalctl", "--vacuum-size=100M"], timeout=120, check=False)
    for cache in (CONDA_CACHE, UV_CACHE):
        run(["find", cache, "-mindepth", "1", "-delete"], timeout=300, check=False)
    return "emptied the caches of packages and shortened old logs"


def end_server(on):
    """Kill a server that is full of processes; what was saved is saved, and a new one starts at will."""
    run(["systemctl", "kill", "--signal=SIGKILL", on], timeout=30, check=False)
    run(["systemctl", "stop", on], timeout=60, check=False)
    # It is no service that failed, which would be told from now on.
    run(["systemctl", "reset-failed", on], timeout=30, check=False)
    return f"ended {on}, which was full of processes"


def restart_clock(on):
    run(["systemctl", "restart", "systemd-timesyncd.service"], timeout=60, check=False)
    return "asked the time servers again"


def restart_ssh(on):
    """Who is connected stays so. Ubuntu's socket cannot start while the service runs that it is for."""
    names = (ssh.SERVICE, ssh.SOCKET)
    run(["systemctl", "reset-failed", *names], timeout=30, check=False)
    by_socket = run(["systemctl", "is-enabled", "--quiet", ssh.SOCKET], timeout=30, check=False)
    if by_socket.returncode == 0:
        run(
            ["systemctl", "kill", "--kill-who=main", "--signal=SIGKILL", ssh.SERVICE], timeout=30, check=False
        )
        run(["systemctl", "stop", ssh.SERVICE], timeout=30, check=False)
        run(["systemctl", "restart", ssh.SOCKET], timeout=60)
    else:
        # One that hangs does not hear that it is to end.
        run(
            ["systemctl", "kill", "--kill-who=main", "--signal=SIGKILL", ssh.SERVICE], timeout=30, check=False
        )
        run(["systemctl", "restart", ssh.SERVICE], timeout=60)
    return "restarted sshd"


ACTS = {
    act.__name__: act
    for act in (
        *(restart_hub, restart_proxy, take_back, mount_homes, free_caches),
        *(end_server, restart_clock, restart_ssh),
    )
}


def do(act):
    """Do an Act; what was done, or what went wrong, in words."""
    try:
        return ACTS[act.name](act.on)
    except (OSError, OperationFailed) as error:
        return f"{act.name.replace('_', ' ')} failed: {error}"
