"""The two pieces of text that join the hub to the course's environments."""

from __future__ import annotations

import html


def snippet(course: str, sign_in: str) -> str:
    """The hub's configuration beyond what TLJH's config.yaml can say: the course's name, and who is let in.

    JupyterHub asks twice: is this person who they say, and may they come in? With sign-up, an admin's
    approval has answered both; otherwise only those who are named may.
    """
    return SNIPPET + OF_THE_COURSE.format(
        announcement=repr(html.escape(course)), allow_all=sign_in == "sign-up"
    )


OF_THE_COURSE = """
# The log-in page says which course this is.
c.JupyterHub.template_vars = {{"announcement_login": {announcement}}}

# TLJH takes a hub without named users for a hub that is open to everybody.
c.Authenticator.allow_all = {allow_all}
"""

SNIPPET = """\
# Written by coursehub at each deploy: this file is replaced.
# Servers start from the course's current environment; running ones keep the environment they have.
c.Spawner.cmd = ["/opt/course/bin/start-server"]

# A class starts at once: many servers may start together, and a busy machine is given time.
c.JupyterHub.concurrent_spawn_limit = 100
c.JupyterHub.active_server_limit = 0
c.Spawner.start_timeout = 120
c.Spawner.http_timeout = 120

# The page with which people ask for an account is in the authenticator's own package.
if "nativeauthenticator" in str(c.JupyterHub.authenticator_class).lower():
    import os

    import nativeauthenticator

    c.JupyterHub.template_paths = [os.path.join(os.path.dirname(nativeauthenticator.__file__), "templates")]
"""

START_SERVER = """\
#!/bin/sh
# Written by coursehub. Starts a student's server from the environment that is current now; its own path
# is resolved, so that a later change of environment never mixes with a server that runs.
environment=$(readlink -f /opt/course/envs/current) || exit 1
export PATH="$environment/bin:$PATH" CONDA_PREFIX="$environment"
# A git inside the environment must trust the course's repository as the system's git does.
export GIT_CONFIG_SYSTEM=/etc/gitconfig
exec "$environment/bin/jupyterhub-singleuser" "$@"
"""
