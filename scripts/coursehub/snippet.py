"""The texts that join the hub to the course's environments, and to where people sign in."""

from __future__ import annotations

import html
from collections.abc import Mapping
from pathlib import Path

from . import known_as, lti_hub, lti_launch, pulling, spawner_poll
from .model import Json


def snippet(course: str, everyone: bool, processes: int) -> str:
    """The hub's configuration beyond what TLJH's config.yaml can say: the course's name, who is let in, and
    how many processes a student's server may have.

    JupyterHub asks twice: is this person who they say, and may they come in? With sign-up, an admin's
    approval has answered both; otherwise only those who are named may, unless `everyone` may.
    """
    polling = Path(spawner_poll.__file__).read_text(encoding="utf-8")
    return (
        SNIPPET
        + POLLING.format(spawner_poll=polling)
        + OF_THE_COURSE.format(
            announcement=repr(html.escape(course)), allow_all=everyone, processes=str(processes)
        )
    )


def for_servers() -> dict[str, str]:
    """The files that every student's server reads when it starts, paths below its configuration mapped to
    texts: jupyter_server_config.py, and the package that it imports."""
    package, first = Path(pulling.__file__).parent, "jupyter_server_config.py"
    files = {first: (package / first).read_text(encoding="utf-8")}
    for path in sorted(package.glob("*.py")):
        if path.name != first:
            files[f"coursehub_pulling/{path.name}"] = path.read_text(encoding="utf-8")
    return files


def at_a_provider(client_file: str, claim: str, roster_file: str, domain: str | None, name: str) -> str:
    """What the hub is told of a provider beyond its addresses: the client that it asks as, in a file that
    only root may read, and which account somebody opens there."""
    values = {"client": client_file, "claim": claim, "roster": roster_file, "domain": domain}
    shown = {key: repr(value) for key, value in (values | {"name": name}).items()}
    return PROVIDER.format(**shown, known_as=Path(known_as.__file__).read_text(encoding="utf-8"))


def from_a_platform(packages: str, about: Mapping[str, Json], roster_file: str, domain: str | None) -> str:
    """What the hub is told of a learning platform: all that `lti_hub` wants to know `about` it, where the
    authenticator's `packages` are, and which account somebody opens who comes from there."""
    values = {"packages": packages, "about": dict(about), "roster": roster_file, "domain": domain}
    shown = {key: repr(value) for key, value in (values | {"name": about["platform"]}).items()}
    texts = {
        module.__name__.rpartition(".")[2]: Path(module.__file__).read_text(encoding="utf-8")
        for module in (known_as, lti_launch, lti_hub)
    }
    return PLATFORM.format(**shown, **texts)


PLATFORM = """

# People come in from a learning platform. Which account is whose there:
{known_as}

{lti_launch}

{lti_hub}

def account(name):
    import json

    from tornado.web import HTTPError

    # Read each time: a deploy changes it while the hub runs.
    with open({roster}) as file:
        identities = json.load(file)["identities"]
    found = account_of(identity_in({{"name": name}}, "name", {domain}), identities, {domain})
    if found is None:
        words = "You come from %s as %s, which opens no account of this course. Ask your teacher."
        raise HTTPError(403, words, {name}, str(name or "nobody: it did not say your name")[:100])
    return found


def only_named_admins(authenticator, handler, authentication):
    # Who teaches there is no admin here: an admin's account may use sudo.
    return {{**authentication, "admin": authentication["name"] in authenticator.admin_users}}


def set_up_sign_in():
    import sys

    sys.path.append({packages})  # behind the hub's own, which count for more
    c.JupyterHub.authenticator_class = lti_authenticator(
        {about}, account, names_in, objection, place
    )
    c.Authenticator.post_auth_hook = only_named_admins


set_up_sign_in()
"""

PROVIDER = """

# People sign in elsewhere. Which account is whose there:
{known_as}

def account(user_info):
    # Called with what the provider says; the authenticator itself has checked that it is the provider.
    import json

    from tornado.web import HTTPError

    # Read each time: a deploy changes it while the hub runs.
    with open({roster}) as file:
        identities = json.load(file)["identities"]
    identity = identity_in(user_info, {claim}, {domain})
    found = account_of(identity, identities, {domain})
    if found is None:
        words = "You are signed in at %s as %s, which opens no account of this course. Ask your teacher."
        raise HTTPError(403, words, {name}, user_info.get({claim}))
    return found


def only_named_admins(authenticator, handler, authentication):
    # An account may have been an admin's before, under another way to sign in.
    return {{**authentication, "admin": authentication["name"] in authenticator.admin_users}}


def set_up_sign_in():
    import json

    with open({client}) as file:
        client = json.load(file)
    c.OAuthenticator.client_id = client["id"]
    c.OAuthenticator.client_secret = client["secret"]
    c.OAuthenticator.username_claim = account
    c.Authenticator.post_auth_hook = only_named_admins


set_up_sign_in()
"""

OF_THE_COURSE = """
# The log-in page says which course this is.
c.JupyterHub.template_vars = {{"announcement_login": {announcement}}}

# TLJH takes a hub without named users for a hub that is open to everybody.
c.Authenticator.allow_all = {allow_all}

# What one server may do to the others. Its limit of memory costs it a kernel that wants more, and not the
# whole server, as it would be by systemd's own default.
c.SystemdSpawner.unit_extra_properties = {{"TasksMax": "{processes}", "OOMPolicy": "continue"}}
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
"""

POLLING = """
{spawner_poll}

def set_up_polling():
    # What the files read before this one have set is not to be seen here (traitlets' load_subconfig).
    from tljh.user_creating_spawner import UserCreatingSpawner

    c.JupyterHub.spawner_class = polled_surely(UserCreatingSpawner)


set_up_polling()
"""

START_SERVER = """\
#!/bin/sh
# Written by coursehub. Starts a student's server from the environment that is current now; its own path
# is resolved, so that a later change of environment never mixes with a server that runs.
environment=$(readlink -f /opt/course/envs/current) || exit 1
export PATH="$environment/bin:$PATH" CONDA_PREFIX="$environment"
# What every server does besides: keeping students' copies of the course usable when a link is followed.
export JUPYTER_CONFIG_PATH="/opt/course/jupyter${JUPYTER_CONFIG_PATH:+:$JUPYTER_CONFIG_PATH}"
# A git inside the environment must trust the course's repository as the system's git does.
export GIT_CONFIG_SYSTEM=/etc/gitconfig
# Shows the shared places in the home. That it cannot must not keep anybody from working.
show=/opt/course/bin/show-shared
[ ! -x "$show" ] || timeout 10 "$show" || :
exec "$environment/bin/jupyterhub-singleuser" "$@"
"""
