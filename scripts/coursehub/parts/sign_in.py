"""How people sign in: with passwords that the hub keeps, or at a provider that knows them already.

It belongs to the hub's configuration (`configuration`). A provider's authenticator is told three things:
where the provider is, by which client (the secrets OAUTH_CLIENT_ID and OAUTH_CLIENT_SECRET) the hub asks it,
and which account each identity there opens (`known_as`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..model import Json
from ..nearest import nearest
from ..problems import Failure, InvalidInput, Problem
from ..roster.hub import ROSTER_FILE
from ..secrets import VARIABLES
from ..snippet import at_a_provider, from_a_platform
from . import lti
from .providers import PROVIDERS

CLIENT_FILE = "/opt/tljh/config/sign-in/client.json"
CALLBACK = "/hub/oauth_callback"
LTI = "lti"
NOT_NAMED = "You are signed in, but not in the list of this course. Ask your teacher to add you."

WITH_PASSWORDS = {
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


@dataclass(frozen=True)
class SignIn:
    """`auth` is what config.yaml says below `auth`, `text` what the hub's snippet has besides.

    With `everyone`, whoever has signed in may come in; with `others`, some may whom the course does not name.
    For a provider: its `name`, the address of its `issuer` where that has to be asked for the others, its
    `token_url` where that is known, the `class_name` of its authenticator, how many `unmapped` people come in
    by a name that is the same there, and the text of the `client` file. For a learning platform: the
    addresses that it has to be `told`, and where its `keys` are.
    """

    auth: Mapping[str, Json]
    everyone: bool = False
    others: bool = False
    text: str = ""
    name: str | None = None
    class_name: str | None = None
    issuer: str | None = None
    token_url: str | None = None
    domain: str | None = None
    unmapped: int = 0
    told: tuple[str, ...] = ()
    keys: str | None = None
    client: str | None = field(default=None, repr=False)

    @property
    def file(self) -> dict[str, Json]:
        """The client file as a plan names it: by its digest."""
        if self.client is None:
            return {"text": None, "mode": 0o600}
        return {"digest": hashlib.sha256(self.client.encode()).hexdigest(), "mode": 0o600}

    def callback(self, url: str) -> str:
        """The address that the provider sends people back to, for a hub at `url`."""
        return (f"https://{self.domain}" if self.domain else url) + CALLBACK

    def trial(self, auth: Mapping[str, Json], url: str) -> dict[str, Json]:
        """What it takes to ask the provider whether it knows the client; `auth` as in config.yaml."""
        options = auth[self.class_name]
        return {
            "provider": self.name,
            "token_url": options.get("token_url", self.token_url),
            "callback": self.callback(url),
            "basic": options.get("basic_auth", False),
        }

    def details(self, url: str) -> tuple[str, ...]:
        """What the coordinator has to know when this is about to be applied to the hub at `url`."""
        if self.name is None:
            return ()
        lines = [*(self.told or [f"{self.name} must know the callback address {self.callback(url)}"])]
        if self.unmapped:
            people = "1 person comes" if self.unmapped == 1 else f"{self.unmapped} people come"
            lines.append(f"{people} in by the account's own name: whoever is called so at {self.name}")
        return tuple(lines)


def wanted(settings, secrets) -> SignIn:
    """What the settings ask for."""
    if settings.sign_in in WITH_PASSWORDS:
        approval = settings.sign_in == "sign-up"
        return SignIn(WITH_PASSWORDS[settings.sign_in], everyone=approval, others=approval)
    if settings.sign_in == LTI:
        return from_a_learning_platform(settings)
    provider = PROVIDERS[settings.sign_in](settings)
    class_name = provider["type"].rpartition(".")[2]
    options = provider["options"] | {"custom_403_message": NOT_NAMED}
    if settings.https.domain:
        options["oauth_callback_url"] = f"https://{settings.https.domain}{CALLBACK}"
    about = provider["claim"], ROSTER_FILE, provider["domain"], provider["name"]
    return SignIn(
        auth={"type": provider["type"], class_name: options},
        everyone=provider["everyone"],
        others=provider["everyone"] or "allowed_organizations" in options,
        text=at_a_provider(CLIENT_FILE, *about),
        name=provider["name"],
        class_name=class_name,
        issuer=provider.get("issuer"),
        token_url=provider.get("token_url"),
        domain=settings.https.domain,
        unmapped=unmapped(settings),
        client=client_of(secrets),
    )


def identities(settings) -> dict[str, str]:
    """The account of each identity at the provider that has a line in course.yml."""
    if settings.sign_in in WITH_PASSWORDS:
        return {}
    return {identity: account for account, identity in settings.identities.items()}


def unmapped(settings) -> int:
    """How many come in by their account's own name."""
    return len({*settings.users, *settings.admins} - set(settings.identities))


def from_a_learning_platform(settings) -> SignIn:
    """What `lti` asks for: the addresses that the authenticator itself takes, and the rest in the snippet."""
    about = lti.about(settings) | {"not_named": NOT_NAMED}
    return SignIn(
        auth=lti.auth(settings),
        everyone=settings.lti.everyone,
        others=settings.lti.everyone,
        text=from_a_platform(lti.packages(), about, ROSTER_FILE, settings.lti.domain),
        name=about["platform"],
        domain=settings.https.domain,
        unmapped=unmapped(settings),
        told=lti.told(settings),
        keys=about["keys_url"],
    )


def client_of(secrets) -> str | None:
    """The text of the client file; None where the secrets are not known, as on a pull request."""
    if not secrets or not (secrets.oauth_client_id and secrets.oauth_client_secret):
        return None
    return json.dumps({"id": secrets.oauth_client_id, "secret": secrets.oauth_client_secret})


def require_client(settings, secrets) -> None:
    """Raises InvalidInput naming each secret that the way to sign in needs and that is not set, and people
    who do not go with it: the roster is whole by now."""
    if settings.sign_in in WITH_PASSWORDS:
        return
    require_people(settings)
    if settings.sign_in == LTI:
        return
    domain = settings.https.domain
    callback = f"https://{domain}{CALLBACK}" if domain else f"the hub's address with {CALLBACK} behind it"
    register = f"Register the hub there with the callback address {callback} (Documentation/SignIn.md)."
    problems = [
        Problem(
            f"secret {VARIABLES[name][0]}",
            f"is not set, and sign_in: {settings.sign_in} needs it",
            f"{VARIABLES[name][1]} {register}",
        )
        for name in ("oauth_client_id", "oauth_client_secret")
        if getattr(secrets, name) is None
    ]
    if problems:
        raise InvalidInput(problems)


def require_people(settings) -> None:
    """Raises InvalidInput for identities of accounts that are in no list, which would let nobody in; and for
    an admin whom only HUB_USERS names and who has none: that account may use sudo, and is never left to
    whoever is called so elsewhere."""
    people = {*settings.admins, *settings.users}
    problems = []
    for account in settings.identities:
        if account not in people:
            guess = nearest(account, people)
            start = f"Did you mean {guess}? Otherwise add" if guess else "Add"
            fix = f"{start} {account} to users, or delete the line."
            message = "is the account of nobody in admins or users"
            problems.append(Problem("course.yml", message, fix, key="identities", found=account))
    if any(name not in settings.identities for name in settings.admins if name in settings.roster.hidden):
        message = f"names an admin who has no line in identities, which sign_in: {settings.sign_in} asks of"
        fix = "Name admins in course.yml, each with a line in identities, and not in the secret."
        problems.append(Problem("secret HUB_USERS", f"{message} every admin", fix))
    if problems:
        raise InvalidInput(problems)


def require_keys(want: SignIn, problem: str | None) -> None:
    """Raises Failure when a learning platform's keys, without which nobody comes in, are not to be had.
    `problem` is what the droplet saw: see droplet.provider.problem_with_keys."""
    if want.keys and problem:
        raise Failure(
            f"{want.name} does not say its keys: {problem}",
            "check lti.address, lti.client_id and lti.keys_url in course.yml (Documentation/SignIn.md); if "
            "they are right, the platform may be down, or closed to the server. Nothing was changed",
        )


def with_endpoints(auth: Mapping[str, Json], want: SignIn, answer: Mapping[str, Json] | None) -> dict:
    """`auth` with the provider's addresses, as the droplet was told them: see droplet.provider.discovered.

    Raises Failure when the provider did not say.
    """
    if want.issuer is None:
        return dict(auth)
    if answer is None or answer["problem"]:
        told = answer["problem"] if answer else "it was not asked"
        raise Failure(
            f"{want.name} does not say how to sign in there: {told}",
            "check openid.issuer in course.yml (Documentation/SignIn.md); if it is right, the provider may "
            "be down, or closed to the server. Nothing was changed",
        )
    options = {**auth[want.class_name], **answer["endpoints"]}
    if options["userdata_from_id_token"]:
        del options["userdata_url"]  # the authenticator takes one or the other
    return {**auth, want.class_name: options}
