"""The hub's configuration: `config.yaml`, one snippet and what traefik needs, made from the settings and
written whole. How the hub is encrypted is decided in `encryption`, how people sign in in `sign_in`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..model import Json, Reporter, Step
from ..problems import InvalidInput, Problem
from ..roster.changes import changes, many_leave
from ..roster.hub import ROSTER_FILE, people_snippet, roster_file
from ..snippet import START_SERVER, for_servers, snippet
from . import encryption, https, sign_in
from .encryption import Encryption
from .https import Https
from .sign_in import CLIENT_FILE, SignIn

NAME = "configuration"
CONFIG = "/opt/tljh/config/config.yaml"
SNIPPET_FILE = "/opt/tljh/config/jupyterhub_config.d/coursehub.py"
SERVICE_FILE = "/opt/tljh/config/jupyterhub_config.d/coursehub_service.py"
SERVICE = Path(__file__).parents[1] / "hub_service.py"
"""What the hub can do for Coursehub while it runs: see there."""
START_FILE = "/opt/course/bin/start-server"
SERVERS = "/opt/course/jupyter"
OWN = "jupyterhub_config.py"
HEADER = "# Written by coursehub at each deploy: change course.yml instead, this file is replaced.\n"
OWN_PEOPLE = re.compile(r"Authenticator|_users\b|load_(?:groups|roles)")
"""In the course's own additions: they say who may what, too, which only a hub that starts puts together."""
EXCLUSION = "exclusion"
"""The word with which a person allows that most of the people are shut out (command.WORDS)."""
PROXY_KEYS = ("http", "https")
"""The keys of config.yaml that traefik has to be restarted for."""

APPS = {"lab": "jupyterlab", "notebook": "classic"}


@dataclass(frozen=True)
class Want:
    """`plain` are the files that have nothing to do with encryption, paths mapped to {"text", "mode"};
    `config` is config.yaml but for `https`; `names` tells whether the plan may name people,
    `in_place` whether the hub that runs can be told of another roster."""

    plain: Mapping[str, Mapping[str, Json]]
    config: Mapping[str, Json]
    encryption: Encryption
    sign_in: SignIn
    names: bool = False
    in_place: bool = True

    @property
    def files(self) -> dict[str, Mapping[str, Json]]:
        return self.files_with(self.encryption.https)

    @property
    def digest(self) -> str:
        return digest(self.files)

    def files_with(self, served: Https) -> dict[str, Mapping[str, Json]]:
        """Every file that the hub's configuration is made of, when it is to be served in this way."""
        text = HEADER + json.dumps({**self.config, "https": served.config}, indent=2, sort_keys=True) + "\n"
        return {**self.plain, **served.files, CONFIG: {"text": text, "mode": 0o600}}


def digest(files: Mapping[str, Mapping[str, Json]]) -> str:
    """As the droplet computes it (coursehub.droplet.configuration.digest)."""
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def want(settings, secrets, record: str = "") -> Want:
    """`record` tells of the domain's DNS record when it is ours: see `encryption.wanted`.

    Raises InvalidInput when the course's own jupyterhub_config.py is not Python, and when a certificate of
    its own does not suit its domain.
    """
    way = sign_in.wanted(settings, secrets)
    own = own_snippet(settings.root)
    text = (
        snippet(settings.name, way.everyone, settings.limits.processes)
        + way.text
        + own
        + people_snippet(way.others)
    )
    roster = roster_file(settings.roster, sign_in.identities(settings), way.others)
    plain = {
        START_FILE: {"text": START_SERVER, "mode": 0o755},
        ROSTER_FILE: {"text": roster, "mode": 0o600},
        SNIPPET_FILE: {"text": text, "mode": 0o600},
        SERVICE_FILE: {"text": SERVICE.read_text(encoding="utf-8"), "mode": 0o600},
        CLIENT_FILE: way.file,
        **{f"{SERVERS}/{name}": {"text": text, "mode": 0o644} for name, text in for_servers().items()},
    }
    served = encryption.wanted(settings, secrets, record)
    in_place = not OWN_PEOPLE.search(own)
    return Want(plain, config_yaml(settings), served, way, settings.roster.names, in_place)


def config_yaml(settings) -> dict[str, Json]:
    """TLJH's config.yaml but for `https` (https://tljh.jupyter.org/en/latest/topic/tljh-config.html).

    `users.allowed` always names somebody, for TLJH takes an empty list for "everybody".
    """
    cull = {"enabled": False}
    if settings.idle.stop_after_minutes:
        cull = {
            "enabled": True,
            "timeout": settings.idle.stop_after_minutes * 60,
            "every": settings.idle.check_every_minutes * 60,
        }
    return {
        "auth": sign_in.wanted(settings, None).auth,
        "users": {
            "admin": list(settings.admins),
            "allowed": sorted({*settings.admins, *settings.users}),
        },
        "limits": {"memory": settings.limits.memory, "cpu": settings.limits.cpu or None},
        "user_environment": {"default_app": APPS[settings.interface]},
        "services": {"cull": cull},
        "http": {"address": "", "port": 80},
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
    host = encryption.host_to_look_at(want.encryption)
    hidden = [*https.HIDDEN, CLIENT_FILE]
    way = want.sign_in
    return {
        "paths": list(want.files),
        "hidden": hidden,
        "host": host,
        "issuer": way.issuer,
        "keys": way.keys,
    }


def prepare(want: Want, seen: Mapping, machine: Mapping, report: Reporter) -> Want:
    """Settle how the hub is to be served, and where people sign in. Raises Failure when the domain does not
    lead to the server, and when the provider does not say."""
    auth = sign_in.with_endpoints(want.config["auth"], want.sign_in, seen.get("provider"))
    want = replace(want, config={**want.config, "auth": auth})
    changed = differing(want.files, seen["files"])
    if changed:
        sign_in.require_keys(want.sign_in, seen.get("keys"))
    settled = encryption.settled(want.encryption, changed, seen, machine["address"])
    return replace(want, encryption=settled)


def plan(want: Want, seen: Mapping, machine: Mapping) -> list[Step]:
    """One step when a file differs, when the last change was never seen healthy, when the hub is down, or
    when it lacks its certificate."""
    served = encryption.chosen(want.encryption, seen)
    files = want.files_with(served)
    different = differing(files, seen["files"])
    lacking = encryption.lacking(served, seen)
    trouble = seen["problem"] or lacking
    people, url = want.sign_in, encryption.url(want.encryption, seen, machine["address"])
    if not different and seen["applied"] == digest(files) and not trouble:
        return []
    proxy = any(path in https.FILES for path in different) or (
        proxy_settings(files[CONFIG]["text"]) != proxy_settings(seen["files"].get(CONFIG))
    )
    needs, in_place = "", False
    if different:
        in_place = not trouble and want.in_place and roster_alone(files, seen, different)
        title, details, needs = changed(want, files, seen["files"], different, in_place=in_place)
        details += people.details(url)
    else:
        only_that = lacking and not seen["problem"]
        title = f"Get a certificate for {served.host}" if only_that else "Restart the hub"
        details = (trouble or "the last change of its configuration was interrupted",)
    parameters = {
        "files": files,
        "reload": "proxy" if proxy or trouble else "roster" if in_place else "hub",
        "people": {"file": ROSTER_FILE, "others": people.others},
        "host": served.host,
        "ca": served.ca,
        "fallback": want.files_with(https.plain()) if served.kind == "address" else None,
    }
    secrets = {}
    if want.encryption.private_key and https.KEY_FILE in different:
        secrets["private_key"] = want.encryption.private_key
    if people.client and CLIENT_FILE in different:
        secrets["client"] = people.client
        parameters["trial"] = people.trial(want.config["auth"], url)
    return [
        Step(NAME, title, "configuration.apply", parameters, details, (), secrets, timeout=500, needs=needs)
    ]


def changed(
    want: Want, files: Mapping, present: Mapping[str, str | None], different: list[str], *, in_place: bool
) -> tuple[str, tuple[str, ...], str]:
    """Title and details of a step that writes files, and the word that it waits for: a list of the class
    that was forgotten would shut everybody out. `in_place` tells that the hub goes on running."""
    title = "Apply the roster" if in_place else "Apply the hub's configuration"
    before, after = allowed(present.get(CONFIG)), allowed(files[CONFIG]["text"])
    people = changes(before, after, names=want.names)
    details = (*dict.fromkeys(f"~ {shown(path)}" for path in different), *people)
    if many_leave(before, after or ()):
        return f"{title}, and shut out more than half of the people", details, EXCLUSION
    return title, details, ""


def shown(path: str) -> str:
    """A file as people read it in a plan; what is read by students' servers is one thing."""
    return Path(SERVERS if path.startswith(f"{SERVERS}/") else path).name


def differing(files: Mapping[str, Mapping[str, Json]], present: Mapping[str, str | None]) -> list[str]:
    """The files that are not there as they should be."""
    return [
        path
        for path, file in files.items()
        if present.get(path) != (file["digest"] if "digest" in file else file["text"])
    ]


def roster_alone(files: Mapping, seen: Mapping, different: list[str]) -> bool:
    """Whether nothing but the people is another than what the hub was last seen healthy with."""
    present = seen["files"]
    before, after = (own_config(text) for text in (present.get(CONFIG), files[CONFIG]["text"]))
    if not set(different) <= {ROSTER_FILE, CONFIG} or None in (before, present.get(ROSTER_FILE)):
        return False
    shown = {path: {**files[path], "text": present[path]} for path in different}
    return {**before, "users": None} == {**after, "users": None} and seen["applied"] == digest(
        {**files, **shown}
    )


def proxy_settings(text: str | None) -> Json:
    """The part of a config.yaml of ours that concerns traefik; None for one that somebody else wrote."""
    config = own_config(text)
    return None if config is None else [config.get(key) for key in PROXY_KEYS]


def allowed(text: str | None) -> frozenset[str] | None:
    """Who may log in, by a config.yaml of ours; None for another."""
    config = own_config(text)
    return None if config is None else frozenset(config.get("users", {}).get("allowed", ()))


def own_config(text: str | None) -> Mapping[str, Json] | None:
    """What a config.yaml of ours says; None for one that somebody else wrote, or none at all."""
    try:
        return json.loads((text or "").removeprefix(HEADER))
    except ValueError:
        return None
