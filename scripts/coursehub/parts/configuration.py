"""The hub's configuration: `config.yaml` and one snippet, made from the settings and written whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..model import Json, Reporter, Step
from ..problems import InvalidInput, Problem
from ..snippet import START_SERVER, snippet

NAME = "configuration"
CONFIG = "/opt/tljh/config/config.yaml"
SNIPPET_FILE = "/opt/tljh/config/jupyterhub_config.d/coursehub.py"
START_FILE = "/opt/course/bin/start-server"
OWN = "jupyterhub_config.py"
HEADER = "# Written by coursehub at each deploy: change course.yml instead, this file is replaced.\n"
PROXY_KEYS = ("http", "https")
"""The keys of config.yaml that traefik has to be restarted for."""

AUTHENTICATORS = {
    "first-use": {
        "type": "firstuseauthenticator.FirstUseAuthenticator",
        "FirstUseAuthenticator": {"create_users": False},
    },
    "sign-up": {
        "type": "nativeauthenticator.NativeAuthenticator",
        "NativeAuthenticator": {
            "open_signup": False,
            "minimum_password_length": 8,
            "check_common_password": True,
        },
    },
}
APPS = {"lab": "jupyterlab", "notebook": "classic"}


@dataclass(frozen=True)
class Want:
    """`files` maps each path to its {"text", "mode"}."""

    files: Mapping[str, Mapping[str, Json]]

    @property
    def digest(self) -> str:
        """As the droplet computes it (coursehub.droplet.configuration.digest)."""
        return hashlib.sha256(json.dumps(self.files, sort_keys=True).encode()).hexdigest()


def want(settings, secrets) -> Want:
    """Raises InvalidInput when the course's own jupyterhub_config.py is not Python."""
    config = HEADER + json.dumps(config_yaml(settings), indent=2, sort_keys=True) + "\n"
    return Want(
        {
            START_FILE: {"text": START_SERVER, "mode": 0o755},
            SNIPPET_FILE: {
                "text": snippet(settings.name, settings.sign_in) + own_snippet(settings.root),
                "mode": 0o600,
            },
            CONFIG: {"text": config, "mode": 0o600},
        }
    )


def config_yaml(settings) -> dict[str, Json]:
    """TLJH's config.yaml as a value (https://tljh.jupyter.org/en/latest/topic/tljh-config.html).

    `users.allowed` always names somebody, for TLJH takes an empty list for "everybody".
    """
    https = {"enabled": False}
    if settings.https.domain:
        letsencrypt = {"email": settings.https.email, "domains": [settings.https.domain]}
        https = {"enabled": True, "letsencrypt": letsencrypt}
    cull = {"enabled": False}
    if settings.idle.stop_after_minutes:
        cull = {
            "enabled": True,
            "timeout": settings.idle.stop_after_minutes * 60,
            "every": settings.idle.check_every_minutes * 60,
        }
    return {
        "auth": AUTHENTICATORS[settings.sign_in],
        "users": {
            "admin": list(settings.admins),
            "allowed": sorted({*settings.admins, *settings.users}),
        },
        "limits": {"memory": settings.limits.memory, "cpu": settings.limits.cpu or None},
        "user_environment": {"default_app": APPS[settings.interface]},
        "services": {"cull": cull},
        "http": {"address": "", "port": 80},
        "https": https,
    }


def own_snippet(root: Path) -> str:
    """The course's own additions to the hub's configuration, for those who know JupyterHub."""
    path = root / OWN
    if not path.exists():
        return ""
    text = path.read_text()
    try:
        compile(text, OWN, "exec")
    except SyntaxError as error:
        problem = Problem(OWN, f"this is not Python: {error.msg}", "correct the line", line=error.lineno)
        raise InvalidInput([problem]) from error
    return f"\n# From the course's own {OWN}:\n{text}"


def question(want: Want) -> Json:
    return {"paths": list(want.files)}


def prepare(want: Want, seen: Mapping, machine: Mapping, report: Reporter) -> Want:
    return want


def plan(want: Want, seen: Mapping, machine: Mapping) -> list[Step]:
    """One step when a file differs, when the last change was never seen healthy, or when the hub is down."""
    different = [path for path, file in want.files.items() if seen["files"].get(path) != file["text"]]
    if not different and seen["applied"] == want.digest and seen["problem"] is None:
        return []
    proxy = proxy_settings(want.files[CONFIG]["text"]) != proxy_settings(seen["files"].get(CONFIG))
    reload = "proxy" if proxy or seen["problem"] else "hub"
    if different:
        title = "Apply the hub's configuration"
        details = tuple(f"~ {Path(path).name}" for path in different)
    else:
        title = "Restart the hub"
        details = (seen["problem"] or "the last change of its configuration was interrupted",)
    parameters = {"files": dict(want.files), "reload": reload}
    return [Step(NAME, title, "configuration.apply", parameters, details, timeout=400)]


def proxy_settings(text: str | None) -> Json:
    """The part of a config.yaml of ours that concerns traefik; None for one that somebody else wrote."""
    try:
        config = json.loads((text or "").removeprefix(HEADER))
    except ValueError:
        return None
    return [config.get(key) for key in PROXY_KEYS]
