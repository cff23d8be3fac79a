"""Traefik's configuration: traefik.toml, and rules/dynamic.toml for what concerns certificates."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import toml
from tljh.configurer import merged
from tljh.paths import CONFIG_DIR, RULES_DIR, STATE_DIR, TRAEFIK_SECRET

STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory"
CIPHERS = [
    f"TLS_ECDHE_{key}_WITH_{cipher}"
    for cipher in ("AES_256_GCM_SHA384", "AES_128_GCM_SHA256", "CHACHA20_POLY1305")
    for key in ("ECDSA", "RSA")
]


def write_configuration(config: Mapping[str, Any]) -> None:
    """Write both files, the administrator's own *.toml merged over the first, and what traefik needs beside.

    Exits with a message if HTTPS is wanted and there is nothing to make a certificate from.
    """
    require_certificate(config["https"])
    RULES_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    # traefik refuses certificates that others may read.
    (STATE_DIR / "acme.json").touch(mode=0o600)
    write(STATE_DIR / "traefik.toml", with_overrides(static(config)))
    write(RULES_DIR / "dynamic.toml", dynamic(config))
    # The hub's routes may name an entry point that is no more; it adds them again when it starts.
    write(RULES_DIR / "rules.toml", {})


def ensure_secret() -> None:
    """Make the password of traefik's API, once."""
    if not TRAEFIK_SECRET.exists():
        TRAEFIK_SECRET.touch(mode=0o600)
        TRAEFIK_SECRET.write_text(secrets.token_hex(32), encoding="ascii")


def static(config: Mapping[str, Any]) -> dict[str, Any]:
    """What traefik reads at its start: addresses, logs, where certificates come from."""
    http, https, api = config["http"], config["https"], config["traefik_api"]
    timeouts = {"transport": {"respondingTimeouts": {"idleTimeout": "10m"}}}
    entry_points: dict[str, Any] = {
        "http": {"address": f"{http['address']}:{http['port']}", **timeouts},
        "auth_api": {"address": f"{api['ip']}:{api['port']}"},
    }
    if https["enabled"]:
        redirection = {"redirections": {"entryPoint": {"to": "https", "scheme": "https"}}}
        entry_points["http"]["http"] = redirection
        entry_points["https"] = {
            "address": f"{https['address']}:{https['port']}",
            "http": {"tls": {"options": "default"}},
            **timeouts,
        }
    result = {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "api": {},
        "log": {"level": "INFO"},
        "accessLog": {"format": "json", "filters": {"statusCodes": ["500-999"]}},
        "entryPoints": entry_points,
        "providers": {
            "providersThrottleDuration": "0s",
            "file": {"directory": str(RULES_DIR), "watch": True},
        },
    }
    if uses_letsencrypt(https):
        result["certificatesResolvers"] = {"letsencrypt": {"acme": acme(https["letsencrypt"])}}
    return result


def acme(letsencrypt: Mapping[str, Any]) -> dict[str, Any]:
    """How certificates are asked for: over TLS, on the port that serves the hub."""
    result = {"email": letsencrypt["email"], "storage": "acme.json", "tlsChallenge": {}}
    if letsencrypt["staging"]:
        result["caServer"] = STAGING
    return result


def dynamic(config: Mapping[str, Any]) -> dict[str, Any]:
    """Which certificate is served."""
    https = config["https"]
    if not https["enabled"]:
        return {}
    store: dict[str, Any] = {}
    if https["tls"]["cert"]:
        store["defaultCertificate"] = {"certFile": https["tls"]["cert"], "keyFile": https["tls"]["key"]}
    if uses_letsencrypt(https):
        main, *others = https["letsencrypt"]["domains"]
        store["defaultGeneratedCert"] = {
            "resolver": "letsencrypt",
            "domain": {"main": main, "sans": others},
        }
    options = {"minVersion": "VersionTLS12", "cipherSuites": CIPHERS}
    return {"tls": {"options": {"default": options}, "stores": {"default": store}}}


def require_certificate(https: Mapping[str, Any]) -> None:
    """Exit with a message if HTTPS is on without a certificate or the whole of Let's Encrypt's settings."""
    letsencrypt = https["letsencrypt"]
    if not https["enabled"]:
        return
    if not https["tls"]["cert"] and not letsencrypt["email"]:
        sys.exit("https needs tls.cert and tls.key, or letsencrypt.email and letsencrypt.domains.")
    if bool(letsencrypt["email"]) != bool(letsencrypt["domains"]):
        sys.exit("letsencrypt needs both email and domains.")


def uses_letsencrypt(https: Mapping[str, Any]) -> bool:
    """Whether certificates are to be had from Let's Encrypt."""
    letsencrypt = https["letsencrypt"]
    return bool(https["enabled"] and letsencrypt["email"] and letsencrypt["domains"])


def with_overrides(base: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with the files of config/traefik_config.d merged over it, ordered by name."""
    result = dict(base)
    for file in sorted((CONFIG_DIR / "traefik_config.d").glob("*.toml")):
        result = merged(result, toml.loads(file.read_text(encoding="utf-8")))
    return result


def write(file: Path, content: Mapping[str, Any]) -> None:
    """Write TOML that only root may read."""
    file.touch(mode=0o600)
    file.write_text(toml.dumps(content), encoding="utf-8")
