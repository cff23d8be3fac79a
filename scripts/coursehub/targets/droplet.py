"""A droplet of the course's own: made, found and changed through DigitalOcean's API, reached over SSH."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ..cloud.api import Account
from ..cloud.errors import understood
from ..cloud.making import label, untag, visible
from ..cloud.model import Droplet, Seen
from ..cloud.observe import observe
from ..cloud.operations import AccountSession
from ..cloud.plan import plan
from ..cloud.reaching import ip_of
from ..cloud.wanted import wanted_from
from ..derivation import FIRST_HOST_KEY, key_pair
from ..model import Ground, Reporter, Step
from ..names import names_from
from ..problems import Failure, InvalidInput
from ..settings_schema import defaults
from ..ssh import SshSession
from ..ssh_login import Login
from .server import hub_url

STARTS = (
    "droplet.create",
    "droplet.started",
    "droplet.power_on",
    "droplet.resize",
    "droplet.rebuild",
    "address.reserve",
)
"""Operations after which sshd may take a while to answer."""
PATIENCE = 300.0
"""Seconds until a droplet that has just been started must answer over SSH."""
EVERY = 3.0
ADVICE = (
    "if you rebuilt the droplet yourself in the control panel, deploy with --allow host-key; "
    "if not, somebody may be between you and it: ask DigitalOcean's support"
)


class CloudDroplet:
    """The droplet that bears the course's tag; none at first."""

    def __init__(self, settings, secrets, words: frozenset[str] = frozenset()):
        """`settings` may be None where only an existing droplet is to be reached.

        Raises InvalidInput when the secrets do not suffice.
        """
        if problems := secrets.missing("digitalocean_token"):
            raise InvalidInput(problems)
        self.settings, self.secrets, self.words = settings, secrets, words
        self.names = names_from(secrets.seed)
        api = settings.mirrors.digitalocean if settings else defaults()["mirrors"]["digitalocean"]
        self.api = api
        self.account = Account(secrets.digitalocean_token, api)
        self.droplet: Droplet | None = None
        self.present_address: str | None = None
        self.session = AccountSession(self.account)
        self.is_fresh = False
        self.record_changes = self.record_is_due = False
        self.host_key: str | None = None

    @property
    def address(self) -> str | None:
        return self.present_address

    @property
    def url(self) -> str:
        """Where people reach the hub, without a slash at the end."""
        return hub_url(self.settings, self.present_address)

    @property
    def ground(self) -> Ground:
        """The account, which does the steps of `prepare`."""
        return self.session

    @property
    def choices(self) -> Mapping[str, Mapping[str, Any]]:
        """A DNS record that was changed just now takes a while to be known everywhere; one that is still to
        be changed is not looked for."""
        if not self.record_changes:
            return {}
        return {"configuration": {"record": "planned" if self.record_is_due else "made"}}

    @property
    def whereabouts(self) -> Mapping[str, Any]:
        """See `coursehub.model.Target`; with the tag by which its account knows the droplet."""
        account = {"api": self.api, "tag": self.names.tag}
        return {"address": self.present_address, "port": 22, "host_key": self.host_key, **account}

    def prepare(self, report: Reporter) -> list[Step]:
        """Look at the account, and say what is to be done there. Raises InvalidInput and Failure."""
        report.stage("Looking at the DigitalOcean account")
        wanted = wanted_from(self.settings, self.secrets, datetime.now(UTC))
        with understood():
            seen = observe(self.account, wanted)
        steps = plan(wanted, seen)
        # One that is off, or new, is there for the next look, after the steps.
        is_on = seen.droplet is not None and seen.droplet.status == "active"
        self.droplet, self.present_address = seen.droplet, seen.address if is_on else None
        self.record_is_due = any(step.operation == "record.set" for step in steps)
        self.record_changes = self.record_changes or self.record_is_due
        for warning in warnings(seen, wanted):
            report.note(warning)
        return steps

    def exists(self) -> bool:
        """Look for the droplet alone, and say whether there is one. Raises Failure."""
        with understood():
            self.droplet = visible(self.account, self.names.tag)
        return self.droplet is not None

    def find(self) -> None:
        """Look for the droplet alone. Raises Failure if there is none."""
        if not self.exists():
            raise Failure("the course has no droplet", "deploy first: scripts/deploy.py makes one")
        if self.droplet.status != "active":
            raise Failure(f"the droplet is {self.droplet.status}", "scripts/deploy.py switches it on")
        ip = ip_of(self.account, self.droplet.id)
        self.present_address = ip.address if ip else self.droplet.address

    def open(self) -> SshSession:
        """Connect, waiting for a droplet that has just been started. Raises Failure."""
        if self.present_address is None:
            self.find()
        has_started = self.is_fresh or any(operation in STARTS for operation in self.session.done)
        deadline = time.monotonic() + (PATIENCE if has_started else 0)
        while True:
            try:
                return SshSession(self.login())
            except Failure:
                # Whatever it is: sshd not there yet, or still without the keys that cloud-init gives it.
                # Nothing is sent to a server that does not prove itself, so trying again is safe.
                if time.monotonic() > deadline:
                    raise
                time.sleep(EVERY)

    @property
    def first_key(self) -> str:
        """The public half of the host key that a droplet of the course starts with."""
        return key_pair(self.secrets.seed, FIRST_HOST_KEY).public

    def recorded_keys(self, *, final: bool) -> tuple[str, ...]:
        return self.names.host_keys(self.droplet.tags, final=final)

    def login(self) -> Login:
        """How to connect: only the host keys that the account's record or the course's secret vouch for.

        The first one counts as long as there is no other, or when a person says so.
        """
        final = self.recorded_keys(final=True)
        trusted = {*final, *self.recorded_keys(final=False)}
        if not final or "host-key" in self.words:
            trusted.add(self.first_key)
        key = self.secrets.deploy_key.private
        return Login(self.present_address, 22, tuple(sorted(trusted)), key, advice=ADVICE)

    def secure(self, session: SshSession, report: Reporter) -> None:
        """Give the droplet a host key that was never in its user data, and record it in the account.

        The new key is recorded before it is shown, as one that may be shown, so that a crash at any moment
        leaves a droplet that the next run trusts.
        """
        prepared, public = self.recorded_keys(final=False), session.host_key
        if public not in self.recorded_keys(final=True):
            report.note("Giving the droplet a host key of its own")
            if public not in prepared or public == self.first_key:
                public = session.call("host_key.prepare", {})["public"]
                self.record(public, final=False)
                prepared = (*prepared, public)
            # Also where it is shown already: the run that activated it may not have come to the end of that.
            session.call("host_key.activate", {"public": public})
            self.record(public, final=True)
        self.host_key = public
        for stale in prepared:
            untag(self.account, self.names.host_key_tag(stale, final=False))
        for stale in set(self.recorded_keys(final=True)) - {public}:
            untag(self.account, self.names.host_key_tag(stale, final=True))

    def record(self, public: str, *, final: bool) -> None:
        tag = self.names.host_key_tag(public, final=final)
        label(self.account, tag, "droplet", str(self.droplet.id))


def warnings(seen: Seen, wanted) -> list[str]:
    """What a person should know about the account, though a deploy changes nothing about it."""
    found = []
    if seen.status == "warning":
        found.append(
            f"Warning: DigitalOcean warns about the account: {seen.status_message or 'see its page'}"
        )
    if wanted.gigabytes is None and seen.volume is not None:
        found.append(
            f"Warning: the volume {seen.volume.name} is still there and billed, though storage is none; "
            "scripts/destroy.py --volume deletes it with all files on it"
        )
    if wanted.gigabytes and seen.volume and seen.volume.gigabytes > wanted.gigabytes:
        found.append(
            f"The volume has {seen.volume.gigabytes} GB, more than storage.size: volumes never shrink"
        )
    return found
