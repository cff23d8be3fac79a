"""What `sign_in: lti` tells the hub of a learning platform, and the platform of the hub."""

from __future__ import annotations

import html
from pathlib import Path

from ..lti_platforms import BEGIN, CONFIG, FINISH, KEYS, LOGIN, PLATFORMS, endpoints
from ..model import Json
from ..solving import digest

REQUIREMENTS = Path(__file__).with_name("hub_requirements.txt")
PLACE = "/opt/course/hub-packages"
CLASS = "LTI13Authenticator"
CANVAS_PLACEMENTS = ("course_navigation", "link_selection", "assignment_selection")


def requirements() -> str:
    """What the hub needs besides TLJH's own: versions and hashes."""
    return REQUIREMENTS.read_text(encoding="utf-8")


def requirements_digest() -> str:
    return digest([requirements()])


def packages() -> str:
    """Where they are on the droplet."""
    return f"{PLACE}/{requirements_digest()}"


def auth(settings) -> dict[str, Json]:
    """The part `auth` of config.yaml."""
    there = endpoints(settings.lti)
    options = {
        "issuer": there["issuer"],
        "authorize_url": there["authorize_url"],
        "jwks_endpoint": there["keys_url"],
        "client_id": [settings.lti.client_id],
        "uri_scheme": "https",
    }
    return {"type": f"ltiauthenticator.lti13.auth.{CLASS}", CLASS: options}


def about(settings) -> dict[str, Json]:
    """What `lti_hub` is told."""
    from ..links.address import link  # which stands on a part itself

    asked, platform = settings.lti, PLATFORMS[settings.lti.platform]
    return {
        **endpoints(asked),
        "platform": platform.name,
        "address": html.escape(asked.address or ""),
        "title": settings.name,
        "client_id": asked.client_id,
        "deployments": list(asked.deployments),
        "courses": list(asked.courses),
        "signed_login": platform.signed_login,
        "username": asked.username,
        "start": link(settings, ""),
        "tool": tool(settings),
    }


def tool(settings) -> dict[str, Json]:
    """The hub as Canvas reads it (https://developerdocs.instructure.com/services/canvas/external-tools/lti/
    file.lti_dev_key_config): it wants to know who somebody is, and asks for nothing else."""
    from ..links.address import link

    hub = hub_url(settings)
    target = link(settings, hub)
    placements = [
        {
            "placement": name,
            "message_type": "LtiResourceLinkRequest",
            "target_link_uri": target,
            "windowTarget": "_blank",
        }
        for name in CANVAS_PLACEMENTS
    ]
    canvas = {
        "platform": "canvas.instructure.com",
        "privacy_level": "anonymous" if settings.lti.username == LOGIN else "public",
        "settings": {"text": settings.name, "placements": placements},
    }
    return {
        "title": settings.name,
        "description": f"The notebooks of {settings.name}",
        "oidc_initiation_url": hub + BEGIN,
        "target_link_uri": target,
        "public_jwk_url": hub + KEYS,
        "scopes": [],
        "custom_fields": {"login": "$User.username"},
        "extensions": [canvas],
    }


def told(settings) -> tuple[str, ...]:
    """The addresses that the platform has to know, as the plan says them."""
    hub, name = hub_url(settings), PLATFORMS[settings.lti.platform].name
    words = {"login initiation URL": BEGIN, "redirect URL": FINISH, "public keyset URL": KEYS}
    words |= {"configuration (Canvas)": CONFIG} if settings.lti.platform == "canvas" else {}
    return tuple(f"{name} must know the {what}: {hub}{path}" for what, path in words.items())


def hub_url(settings) -> str:
    return f"https://{settings.https.domain}"
