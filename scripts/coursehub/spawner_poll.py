"""When the hub may take a student's server for ended: only on systemd's word.

The text of this file becomes part of the hub's configuration: standard library only, and nothing of ours.

SystemdSpawner.poll takes any failure of `systemctl is-active` for "has stopped", and the hub then stops the
server for good (jupyterhub.app: `user_stopped`, `check_spawner`). But `systemctl` also fails where systemd is
too busy to answer, and where the hub itself is being stopped: systemd ends all processes of the hub's unit at
once (KillMode=control-group), and so a look at a server that is just then under way. A restart of the hub
would cost whoever is looked at in that moment their kernels.
"""

import asyncio

RUNS = ("active", "reloading", "refreshing")
"""What `systemctl is-active` prints of a unit that it calls active (systemctl(1))."""
TRIES = 3


async def state_of(unit):
    """systemd's word on a unit, such as "active" or "inactive"; "" where it did not say."""
    try:
        process = await asyncio.create_subprocess_exec(
            "systemctl", "is-active", unit, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
        )
    except OSError:
        return ""
    said, _ = await process.communicate()
    return said.decode(errors="replace").strip()


def polled_surely(spawner_class, pause=1.0):
    """The class of spawners, with a `poll` that says None (it runs) unless systemd says that the unit does
    not. It asks three times, `pause` seconds apart."""

    class PolledSpawner(spawner_class):
        async def poll(self):
            for _ in range(TRIES):
                state = await state_of(self.unit_name)
                if state and state != "unknown":
                    return None if state in RUNS else 1
                await asyncio.sleep(pause)
            self.log.warning("systemd does not say whether %s runs: it is taken to run", self.unit_name)
            return None

    return PolledSpawner
