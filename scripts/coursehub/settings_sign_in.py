"""What the ways to sign in at a provider ask of course.yml, beyond the schema: each is set up whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from coursehub.lti_platforms import EMAIL, ENDPOINTS, LOGIN, PLATFORMS
from coursehub.problems import Problem

if TYPE_CHECKING:
    from coursehub.settings_rules import Draft

GITHUB_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}"
ADDRESS = r"[^@]+@([A-Za-z0-9-]+\.)+[A-Za-z]{2,}"


def github(draft: Draft) -> Iterator[Problem]:
    yield from _identities(draft, GITHUB_NAME, "a GitHub user name", "octocat")


def google(draft: Draft) -> Iterator[Problem]:
    yield from _identities(draft, ADDRESS, "an e-mail address", "prof@school.edu")
    if draft.sound("https.domain") and not draft.values["https"].get("domain"):
        fix = "Set https.email and https.domain (Documentation/Https.md), or choose another way to sign in."
        message = "google takes an encrypted address with a domain: Google sends people back to no other"
        yield draft.problem(("sign_in",), message, fix)
    domain = draft.values["google"].get("domain")
    if not draft.sound("google") or domain:
        return
    if draft.sound("google.everyone") and draft.value("google.everyone"):
        fix = "Add google.domain: such as school.edu, or delete the line."
        yield draft.problem(("google", "everyone"), "would let in everybody who has a Google account", fix)
    yield from _unreachable(draft, "google.domain")


def openid(draft: Draft) -> Iterator[Problem]:
    yield from _identities(draft, None, "", "prof@school.edu")
    if draft.sound("openid.issuer") and not draft.values["openid"].get("issuer"):
        fix = "Add the provider's address: openid: {issuer: https://login.school.edu}."
        yield draft.problem(("openid", "issuer"), "is missing, and sign_in: openid needs it", fix)
    sound = draft.sound("openid.scopes")
    if sound and "openid" not in draft.value("openid.scopes"):
        yield draft.problem(("openid", "scopes"), "lack openid itself", "Add it: [openid, profile, email].")
    claim = draft.value("openid.username_claim") if draft.sound("openid.username_claim") else ""
    if sound and claim == "email" and "email" not in draft.value("openid.scopes"):
        fix = "Add it: [openid, profile, email]."
        yield draft.problem(("openid", "scopes"), "lack email, which openid.username_claim is", fix)
    if claim == "email" and draft.sound("openid") and not draft.values["openid"].get("domain"):
        yield from _unreachable(draft, "openid.domain")


def lti(draft: Draft) -> Iterator[Problem]:
    """Where anybody's words count for more than they should, something has to narrow them: see the fixes."""
    asked, username = draft.values["lti"], draft.value("lti.username") if draft.sound("lti.username") else ""
    yield from _identities(
        draft, ADDRESS if username == EMAIL else None, "an e-mail address", "prof@school.edu"
    )
    if draft.sound("https.domain") and not draft.values["https"].get("domain"):
        fix = "Set https.email and https.domain (Documentation/Https.md), or choose another way to sign in."
        message = "lti takes an encrypted address with a domain: learning platforms send people to no other"
        yield draft.problem(("sign_in",), message, fix)
    if not draft.sound("lti.platform"):
        return
    if not asked.get("platform"):
        fix = "Add it: lti: {platform: moodle}, or canvas, blackboard, other."
        yield draft.problem(("lti", "platform"), "is missing, and sign_in: lti needs it", fix)
        return
    yield from _registration(draft, asked)
    platform = PLATFORMS[asked["platform"]]
    if draft.sound("lti.courses", "lti.everyone") and not asked["courses"]:
        fix = 'Add the ID of your course: lti: {courses: ["…"]}. Any word will do at first: the page that '
        fix += "refuses the launch says the ID (Documentation/SignIn.md)."
        if asked["everyone"]:
            yield draft.problem(("lti", "everyone"), "would let in people of every course there", fix, "true")
        elif username == LOGIN and not platform.signed_login:
            message = f"is missing: in {platform.name}, teachers of any course may say who somebody is"
            yield draft.problem(("lti", "courses"), message, fix)
    if username == EMAIL and not asked.get("domain"):
        yield from _unreachable(draft, "lti.domain")


def _registration(draft: Draft, asked: Mapping) -> Iterator[Problem]:
    """What the platform gave, or has, when the hub was registered there."""
    platform = PLATFORMS[asked["platform"]]
    needed = {"client_id": f'Add what {platform.name} calls the hub: client_id: "…".'}
    if platform.needs_address:
        needed["address"] = f"Add {platform.name}'s address: address: https://moodle.school.edu."
    needed |= {name: "Add what the platform says." for name in ENDPOINTS if not getattr(platform, name)}
    for name, fix in needed.items():
        if draft.sound(f"lti.{name}") and not asked.get(name):
            message = f"is missing, and platform: {asked['platform']} needs it"
            yield draft.problem(("lti", name), message, f"{fix} See Documentation/SignIn.md.")
    if platform.tenants and draft.sound("lti.deployments") and not asked["deployments"]:
        fix = 'Add the deployment ID that your administrator sees: deployments: ["…"].'
        message = f"are missing: any institution may install the same tool in its own {platform.name}"
        yield draft.problem(("lti", "deployments"), message, fix)


def _identities(draft: Draft, pattern: str | None, what: str, example: str) -> Iterator[Problem]:
    """Every admin has an identity; each is well written, and nobody else's.

    An admin may use sudo: that account is never left to whoever is called so elsewhere.
    """
    if not draft.sound("identities"):
        return
    owners: dict[str, str] = {}
    identities = draft.value("identities")
    for account, identity in identities.items():
        path = ("identities", account)
        if path in draft.wrong:
            continue
        owner = owners.setdefault(identity.lower(), account)
        if pattern and not re.fullmatch(pattern, identity):
            yield draft.problem(
                path, f"is not {what}", f"Write it as it is there, such as {example}.", identity
            )
        elif owner != account:
            fix = "Change or delete one of the two lines."
            yield draft.problem(path, f"is what {owner} is called, too", fix, identity)
    if any(path[0] == "identities" for path in draft.wrong):
        return  # perhaps it is an admin's line that is misspelt
    for path, name in draft.items("admins"):
        if name not in identities:
            message = (
                f"has no line in identities, which sign_in: {draft.value('sign_in')} asks of every admin"
            )
            fix = f"Say who that is there: identities: {{{name}: {example}}}."
            yield draft.problem(path, message, fix, name)


def _unreachable(draft: Draft, key: str) -> Iterator[Problem]:
    """Students whom no address leads to."""
    if not draft.sound("identities"):
        return
    for path, name in draft.items("users"):
        if name not in draft.value("identities"):
            fix = f"Set {key}, of which {name}@… is an address, or add {name} to identities."
            yield draft.problem(path, "cannot sign in: there is no address for this account", fix, name)


SIGN_IN_RULES = {"github": github, "google": google, "openid": openid, "lti": lti}
"""By `sign_in`; the ways that use the hub's own passwords ask for nothing."""
