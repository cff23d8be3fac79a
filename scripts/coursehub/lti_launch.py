"""What a launch from a learning platform says: who, from which course, and where to.

The text of this file becomes part of the hub's configuration: standard library only, and nothing of ours.
Claims: https://www.imsglobal.org/spec/lti/v1p3/#required-message-claims
"""

from urllib.parse import parse_qs, urlsplit

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
OURS = "/hub/"
NOT_A_PLACE = ("/hub/lti13/", "/hub/login", "/hub/logout", "/hub/oauth_")


def names_in(token, signed_login):
    """What a launch calls somebody, by what may be asked for. Values that are no text are left out.

    Moodle says the log-in name itself (`signed_login`); elsewhere the custom parameter `login` does. A
    variable that the platform does not know, $User.username say, stays as it was written: that is no name.
    """
    source = token.get(CLAIM + "ext" if signed_login else CLAIM + "custom")
    school = token.get(CLAIM + "lis")
    source, school = (part if isinstance(part, dict) else {} for part in (source, school))
    names = {
        "login": source.get("user_username" if signed_login else "login"),
        "email": token.get("email"),
        "school-id": school.get("person_sourcedid"),
        "sub": token.get("sub"),
    }
    return {key: name for key, name in names.items() if isinstance(name, str) and name}


def objection(token, deployments, courses, platform):
    """Why a launch that is truly the platform's does not belong here; None when it does."""
    if token.get(CLAIM + "message_type") != "LtiResourceLinkRequest":
        return "This link asks for deep linking, which the hub does not do: choose LtiResourceLinkRequest."
    deployment = str(token.get(CLAIM + "deployment_id"))
    if deployments and deployment not in deployments:
        words = "This comes from the deployment %s of %s, which is not in lti.deployments of course.yml."
        return words % (deployment[:100], platform)
    context = token.get(CLAIM + "context")
    context = context if isinstance(context, dict) else {}
    course = str(context.get("id"))
    if courses and course not in courses:
        words = "This comes from the course %s (%s) of %s, which is not in lti.courses of course.yml."
        return words % (course[:100], str(context.get("title", ""))[:100], platform)
    return None


def place(target, asked):
    """The path below the hub that a launch is for, with its query: `asked` (the parameter next), or what the
    link in the course leads to (`target`), or the next in that. None where that is no page to open.

    Only what is behind the host counts: nobody is sent to another site.
    """
    try:
        target = urlsplit(target.replace("\\", "/"))
        inner = parse_qs(target.query).get("next", [""])[0]
        addresses = [urlsplit(asked.replace("\\", "/")), urlsplit(inner.replace("\\", "/")), target]
    except ValueError:
        return None
    for parts in addresses:
        path = "/" + parts.path.lstrip("/")
        if path.startswith((OURS, "/user/")) and path != OURS and not path.startswith(NOT_A_PLACE):
            return path + ("?" + parts.query if parts.query else "")
    return None
