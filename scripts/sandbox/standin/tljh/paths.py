"""Where everything lies: the layout, and the names, of The Littlest JupyterHub."""

from __future__ import annotations

import os
from pathlib import Path

INSTALL_PREFIX = Path(os.environ.get("TLJH_INSTALL_PREFIX", "/opt/tljh"))
HUB_ENV_PREFIX = INSTALL_PREFIX / "hub"
USER_ENV_PREFIX = INSTALL_PREFIX / "user"
STATE_DIR = INSTALL_PREFIX / "state"
RULES_DIR = STATE_DIR / "rules"
TRAEFIK_SECRET = STATE_DIR / "traefik-api.secret"
PASSWORDS = STATE_DIR / "passwords.dbm"
CONFIG_DIR = INSTALL_PREFIX / "config"
CONFIG_FILE = CONFIG_DIR / "config.yaml"
