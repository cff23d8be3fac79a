"""The providers to sign in at: what each one's authenticator is told, and what of its words counts."""

from __future__ import annotations

from ..model import Json

GOOGLE_TOKENS = "https://www.googleapis.com/oauth2/v4/token"


def github(settings) -> dict[str, Json]:
    asked = settings.github
    options: dict[str, Json] = {"github_url": asked.server}
    if asked.organizations:
        options |= {"allowed_organizations": sorted(asked.organizations), "scope": ["read:org"]}
    return {
        "type": "oauthenticator.github.GitHubOAuthenticator",
        "name": "GitHub",
        "options": options,
        "claim": "login",
        "domain": None,
        "everyone": False,
        "token_url": f"{asked.server}/login/oauth/access_token",
    }


def google(settings) -> dict[str, Json]:
    return {
        "type": "oauthenticator.google.GoogleOAuthenticator",
        "name": "Google",
        "options": {},
        "claim": "email",
        "domain": settings.google.domain,
        "everyone": settings.google.everyone,
        "token_url": GOOGLE_TOKENS,
    }


def openid(settings) -> dict[str, Json]:
    """Any provider that speaks OpenID Connect: it says itself where its parts are: `with_endpoints`."""
    asked = settings.openid
    return {
        "type": "oauthenticator.generic.GenericOAuthenticator",
        "name": asked.name,
        "options": {
            "login_service": asked.name,
            "scope": list(asked.scopes),
            "userdata_from_id_token": asked.claims_from == "id-token",
        },
        "claim": asked.username_claim,
        "domain": asked.domain,
        "everyone": asked.everyone,
        "issuer": asked.issuer,
    }


PROVIDERS = {"github": github, "google": google, "openid": openid}
