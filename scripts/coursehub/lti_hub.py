"""The hub's side of LTI 1.3: jupyterhub-ltiauthenticator, with what a course on the open internet needs.

The text of this file becomes part of the hub's configuration, behind `known_as` and `lti_launch`:
nothing of ours. Beyond what the authenticator does itself:

- the name that a launch says opens accounts as with every provider, and nothing is guessed when it is absent;
- launches of other deployments and courses are refused;
- the two cookies of a launch come along when the platform's page sends the browser back (SameSite=None),
  while those of the session stay as they are;
- in a frame, where browsers withhold cookies, it offers to open a window of its own;
- the platform's keys are fetched beside the hub's work, and kept.
"""

LEEWAY = 60  # seconds by which clocks may differ
KEPT = 3600  # seconds
ASKING = {"Accept": "application/json", "User-Agent": "coursehub"}  # some refuse Python's own name

IN_A_WINDOW = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body {{ font: 1.1em sans-serif; margin: 3em; text-align: center }}
button {{ font: inherit; padding: .6em 1.4em }}</style>
<p>{title} opens in a window of its own.</p>
<form method="post" target="_blank">{fields}<button>Open {title}</button></form></html>
"""
FIELD = '<input type="hidden" name="{name}" value="{value}">'
FROM_ELSEWHERE = """<div id="sign-in-elsewhere" class="service-login">
<p>You come in from your course in {platform}: open the link there.</p>{link}</div>"""
LINK = '<a role="button" class="btn btn-jupyter btn-lg" href="{address}">Go to {platform}</a>'
CANNOT_CHECK = "The hub cannot check what %s says: %s. Open the link once more, or ask your teacher."
NO_COOKIE = (
    "This link was opened before, or too long ago, or your browser keeps no cookies for it. "
    "Open it once more from your course."
)


def lti_authenticator(about, account, names_in, objection, place):
    """The class for c.JupyterHub.authenticator_class. `account` turns what somebody is called into an
    account's name, or raises; the others are those of `lti_launch`."""
    import asyncio
    import html

    import jwt
    from jupyterhub.handlers import BaseHandler
    from ltiauthenticator.lti13.auth import LTI13Authenticator
    from ltiauthenticator.lti13.error import ValidationError
    from ltiauthenticator.lti13.handlers import (
        LTI13CallbackHandler,
        LTI13LoginInitHandler,
        _serialize_state,
    )
    from ltiauthenticator.lti13.validator import LTI13LaunchValidator
    from tornado.web import HTTPError

    platform, title = about["platform"], html.escape(about["title"])
    keys = jwt.PyJWKClient(about["keys_url"], headers=ASKING, lifespan=KEPT, timeout=10)

    class Begin(LTI13LoginInitHandler):
        """The platform says that somebody is about to come."""

        def post(self):
            if not self.get_argument("login_hint", ""):
                return self.redirect(self.hub.base_url + "login")
            if self.request.headers.get("Sec-Fetch-Dest", "document") not in ("document", "empty"):
                return self.offer_a_window()
            if self.get_argument("iss", about["issuer"]).rstrip("/") != about["issuer"].rstrip("/"):
                raise HTTPError(400, "This comes from another platform than %s.", platform)
            return super().post()

        get = post

        def offer_a_window(self):
            """A page that may be shown in any frame, for it has nothing but this button."""
            fields = [
                FIELD.format(name=html.escape(name), value=html.escape(value[-1].decode(errors="replace")))
                for name, value in self.request.arguments.items()
            ]
            self.set_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
            self.finish(IN_A_WINDOW.format(title=title, fields="".join(fields)))

        def get_state(self):
            import uuid

            where = place(self.get_argument("target_link_uri", ""), self.get_argument("next", ""))
            return _serialize_state({"state_id": uuid.uuid4().hex, "next_url": where or about["start"]})

        def authorize_redirect(self, **parameters):
            super().authorize_redirect(**{**parameters, "client_id": about["client_id"]})

        def _set_oauth_cookie(self, key, value):
            self._set_cookie(key, value, expires_days=1, encrypted=True, samesite="None", secure=True)

    class Finish(LTI13CallbackHandler):
        """The platform says who it is."""

        async def post(self):
            token = await self.checked()
            reason = objection(token, about["deployments"], about["courses"], platform)
            if reason:
                self.log.warning("A launch was refused: %s", reason)
                raise HTTPError(403, "%s", reason)
            user = await self.login_user(token)
            if user is None:
                raise HTTPError(403, about["not_named"])
            self.redirect(self.get_next_url(user))

        async def checked(self):
            """The claims of a token that is the platform's, for this hub, for this browser, and fresh."""
            if not self.get_argument("id_token", ""):
                said = self.get_argument("error_description", "") or self.get_argument("error", "nothing")
                raise HTTPError(400, "%s did not say who you are: %s", platform, said[:200])
            if not self.get_argument("state", "") or self._get_state_cookie() != self.get_argument("state"):
                raise HTTPError(400, NO_COOKIE)
            validator = LTI13LaunchValidator(parent=self.app)
            try:
                token = await asyncio.get_running_loop().run_in_executor(
                    None, decoded, self.get_argument("id_token")
                )
                validator.validate_id_token(token)
                validator.validate_azp_claim(token, {about["client_id"]})
            except jwt.PyJWKClientConnectionError as error:
                self.log.error("The keys of %s cannot be fetched: %s", platform, error)
                raise HTTPError(503, CANNOT_CHECK, platform, "its keys cannot be fetched") from None
            except (jwt.PyJWTError, ValidationError, ValueError) as error:
                self.log.warning("A launch was refused: %s", error)
                raise HTTPError(401, CANNOT_CHECK, platform, str(error)[:200]) from None
            self.check_nonce(token)
            return token

    def decoded(text):
        return jwt.decode(
            text,
            keys.get_signing_key_from_jwt(text).key,
            algorithms=["RS256"],
            audience=about["client_id"],
            issuer=about["issuer"],
            leeway=LEEWAY,
            options={"require": ["exp", "iat", "iss", "aud", "nonce"]},
        )

    class Config(BaseHandler):
        """What Canvas takes instead of a form that is filled in by hand."""

        def get(self):
            self.finish(about["tool"])

    class Keys(BaseHandler):
        """The hub asks the platform for nothing, so it has no keys of its own; platforms want an address."""

        def get(self):
            self.finish({"keys": []})

    class Lti(LTI13Authenticator):
        login_handler, callback_handler, config_handler = Begin, Finish, Config

        def get_handlers(self, app):
            return [*super().get_handlers(app), ("lti13/jwks", Keys)]

        def get_username(self, token):
            return account(names_in(token, about["signed_login"]).get(about["username"]))

        def get_custom_html(self, base_url):
            link = about["address"] and LINK.format(address=about["address"], platform=platform)
            return FROM_ELSEWHERE.format(platform=platform, link=link or "")

    return Lti
