"""config.yaml and what it means to JupyterHub.

Keys and defaults are those of The Littlest JupyterHub 2.0; unknown top-level keys are accepted silently, as
there.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from tljh.paths import CONFIG_FILE, TRAEFIK_SECRET

FIRST_USE = "firstuseauthenticator.FirstUseAuthenticator"
DEFAULTS: Mapping[str, Any] = {
    "base_url": "/",
    "auth": {"type": FIRST_USE, "FirstUseAuthenticator": {"create_users": False}},
    "users": {"allowed": [], "banned": [], "admin": [], "extra_user_groups": {}},
    "limits": {"memory": None, "cpu": None},
    "http": {"address": "", "port": 80},
    "https": {
        "enabled": False,
        "address": "",
        "port": 443,
        "tls": {"cert": "", "key": ""},
        "letsencrypt": {"email": "", "domains": [], "staging": False},
    },
    "traefik_api": {"ip": "127.0.0.1", "port": 8099, "username": "api_admin", "password": ""},
    "user_environment": {"default_app": "jupyterlab"},
    "services": {
        "cull": {
            "enabled": True,
            "timeout": 600,
            "every": 60,
            "concurrency": 5,
            "users": False,
            "max_age": 0,
            "remove_named_servers": False,
        },
    },
}
START_PAGES = {"jupyterlab": "/lab", "classic": "/tree"}


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over` on top, mappings merged key by key."""
    result = dict(base)
    for key, value in over.items():
        both_mappings = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if both_mappings else value
    return result


def read_config(file: Path = CONFIG_FILE) -> dict[str, Any]:
    """What config.yaml says, without defaults; empty when there is no such file."""
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        return {}


def load_config(config_file: Path = CONFIG_FILE) -> dict[str, Any]:
    """The defaults, the secrets on disk and config.yaml, in this order."""
    config = dict(DEFAULTS)
    if TRAEFIK_SECRET.exists():
        secret = TRAEFIK_SECRET.read_text(encoding="ascii")
        config = merged(config, {"traefik_api": {"password": secret}})
    return merged(config, read_config(config_file))


def apply_config(config: Mapping[str, Any], c: Any) -> None:
    """Translate a complete configuration into JupyterHub's."""
    c.JupyterHub.base_url = config["base_url"]
    apply_authentication(config, c)
    apply_users(config, c)
    c.Spawner.mem_limit = config["limits"]["memory"]
    c.Spawner.cpu_limit = config["limits"]["cpu"]
    start_page = START_PAGES.get(config["user_environment"]["default_app"])
    if start_page:
        c.Spawner.default_url = start_page
    api = config["traefik_api"]
    c.TraefikProxy.traefik_api_url = f"http://{api['ip']}:{api['port']}"
    c.TraefikProxy.traefik_api_username = api["username"]
    c.TraefikProxy.traefik_api_password = api["password"]
    c.TraefikProxy.traefik_entrypoint = "https" if config["https"]["enabled"] else "http"
    cull = config["services"]["cull"]
    c.JupyterHub.services = [culler(cull)] if cull["enabled"] else []


def apply_authentication(config: Mapping[str, Any], c: Any) -> None:
    """Set the authenticator, and each `auth.CLASS.key` on its class."""
    for name, value in config["auth"].items():
        if name == "type":
            c.JupyterHub.authenticator_class = value
        elif name[:1].isupper() and isinstance(value, Mapping):
            for key, setting in value.items():
                if setting is not None:
                    c[name][key] = setting
        else:
            raise ValueError(f"auth.{name} is neither a type nor the settings of a class")


def apply_users(config: Mapping[str, Any], c: Any) -> None:
    """Set who may log in. With the default authenticator and nobody named, everybody may."""
    users = config["users"]
    by_default = config["auth"]["type"] == FIRST_USE and "allow_all" not in c.FirstUseAuthenticator
    if by_default and not users["allowed"]:
        c.FirstUseAuthenticator.allow_all = True
    c.Authenticator.allowed_users = set(users["allowed"])
    c.Authenticator.blocked_users = set(users["banned"])
    c.Authenticator.admin_users = set(users["admin"])
    c.UserCreatingSpawner.user_groups = users["extra_user_groups"]


def culler(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The service that stops idle servers."""
    command = [sys.executable, "-m", "jupyterhub_idle_culler"]
    for option, key in (
        ("timeout", "timeout"),
        ("cull-every", "every"),
        ("concurrency", "concurrency"),
        ("max-age", "max_age"),
    ):
        command.append(f"--{option}={int(settings[key])}")
    if settings["users"]:
        command.append("--cull-users")
    if settings["remove_named_servers"]:
        command.append("--remove-named-servers")
    return {"name": "cull-idle", "admin": True, "command": command}
