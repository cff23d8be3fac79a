"""Which account of the hub somebody opens who has signed in elsewhere.

The text of this file becomes part of the hub's configuration: standard library only, and nothing of ours.
"""

import re

ACCOUNT = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def identity_in(user_info, claim, domain):
    """What the provider says that somebody is called; None where that is not to be relied on.

    An e-mail address counts only when the provider has verified it, and Google's for an address of a domain
    only when it says that the domain manages the account (`hd`): anybody may register an account with any
    address. Other scripts have letters that look, or become in lower case, like ours.
    """
    identity = user_info.get(claim)
    if not isinstance(identity, str) or not identity.isascii():
        return None
    identity = identity.lower()
    if claim == "email":
        if user_info.get("email_verified", user_info.get("verified_email")) not in (True, "true"):
            return None
        # Only Google has this key, and always has it for accounts that a domain manages.
        from_google = "verified_email" in user_info
        if from_google and domain and identity.endswith("@" + domain) and user_info.get("hd") != domain:
            return None
    return identity


def account_of(identity, identities, domain):
    """The account for an identity, or None for nobody's.

    `identities` maps identities to accounts; an account that is named there is nobody else's. Any other
    identity is its own account's name: with a `domain`, the part of the address before it, and only there.
    """
    if identity is None:
        return None
    if identity in identities:
        return identities[identity]
    if domain:
        if not identity.endswith("@" + domain):
            return None
        identity = identity[: -len(domain) - 1]
    if identity in identities.values() or not ACCOUNT.fullmatch(identity):
        return None
    return identity
