"""The two services of the hub."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tljh.paths import HUB_ENV_PREFIX, INSTALL_PREFIX, RULES_DIR, STATE_DIR

UNITS = Path("/etc/systemd/system")
# What both may not touch.
CONFINED = """\
User=root
Restart=always
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes"""


def units() -> Mapping[str, str]:
    """The unit files, by name. The hub requires the proxy, so restarting the proxy restarts the hub."""
    configuration = Path(__file__).with_name("jupyterhub_config.py")
    return {
        "traefik.service": f"""\
[Unit]
After=network.target

[Service]
{CONFINED}
ProtectHome=yes
ProtectSystem=strict
ReadWritePaths={RULES_DIR} {STATE_DIR / "acme.json"}
WorkingDirectory={STATE_DIR}
ExecStart={HUB_ENV_PREFIX}/bin/traefik -c {STATE_DIR}/traefik.toml

[Install]
WantedBy=multi-user.target
""",
        "jupyterhub.service": f"""\
[Unit]
Requires=traefik.service
After=traefik.service

[Service]
{CONFINED}
WorkingDirectory={STATE_DIR}
Environment=TLJH_INSTALL_PREFIX={INSTALL_PREFIX}
Environment=PATH={HUB_ENV_PREFIX}/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ExecStart={sys.executable} -m jupyterhub -f {configuration} --upgrade-db

[Install]
WantedBy=multi-user.target
""",
    }


def install_services() -> None:
    """Write the units, start them now and at each boot."""
    for name, text in units().items():
        (UNITS / name).write_text(text, encoding="utf-8")
    systemctl("daemon-reload")
    systemctl("enable", "--quiet", *units())
    restart("traefik", "jupyterhub")


def restart(*services: str) -> None:
    """Restart services."""
    systemctl("restart", *services)


def systemctl(*arguments: str) -> None:
    """Run systemctl."""
    subprocess.run(("systemctl", *arguments), check=True)
