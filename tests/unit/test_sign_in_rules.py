"""Signing in at a provider, without one: settings and their mistakes, what the hub is told, who is whom."""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from test_parts import MACHINE, seen_as
from tornado.web import HTTPError
from traitlets.config import Config

from course_folder import make_course, problems_of
from coursehub import known_as
from coursehub.droplet import configuration as on_droplet
from coursehub.droplet import people, provider
from coursehub.droplet.system import OperationFailed
from coursehub.log_in_page import is_log_in_page
from coursehub.parts import configuration, sign_in, users
from coursehub.people.resetting import require_passwords
from coursehub.problems import Failure, InvalidInput
from coursehub.roster import hub as people_of_hub
from coursehub.roster.joining import joined
from coursehub.roster.reading import people_from
from coursehub.secrets import Secrets
from coursehub.settings import load

WHO = "admins: [teacher]\nusers: [ada, grace]\n"
GITHUB = WHO + "sign_in: github\nidentities: {teacher: Octo-Cat}\n"
DOMAIN = "https: {email: a@b.org, domain: hub.school.edu}\n"
GOOGLE = WHO + DOMAIN + "sign_in: google\nidentities: {teacher: Prof@school.edu}\n"
OPENID = WHO + "sign_in: openid\nidentities: {teacher: prof}\n"
ISSUER = "openid: {issuer: https://login.school.edu/x, name: School}\n"
CLIENT = Secrets(oauth_client_id="the-hub", oauth_client_secret="keep-this-secret")
ENDPOINTS = {
    "authorize_url": "https://login.school.edu/authorize",
    "token_url": "https://login.school.edu/token",
    "userdata_url": "https://login.school.edu/userinfo",
    "basic_auth": True,
}


def course(tmp_path, text):
    return load(make_course(tmp_path / "course", text))


# Settings

MISTAKES = {
    "an admin without identity": (WHO + "sign_in: github\n", "admins", "no line in identities"),
    "no GitHub name": (GITHUB.replace("Octo-Cat", "a@b.org"), "identities.teacher", "GitHub user name"),
    "twice the same": (
        GITHUB.replace("Octo-Cat}", "Octo-Cat, ada: octo-cat}"),
        "identities.ada",
        "what teacher is called",
    ),
    "an account's name": (GITHUB.replace("{teacher", "{Teacher"), "identities.Teacher", "account name"),
    "Google without a domain of the hub's": (
        GOOGLE.replace(DOMAIN, "") + "google: {domain: school.edu}\n",
        "sign_in",
        "https.domain",
    ),
    "everybody at Google": (
        GOOGLE.replace("Prof@school.edu}", "p@gmail.com, ada: a@gmail.com, grace: g@gmail.com}")
        + "google: {everyone: true}\n",
        "google.everyone",
        "everybody who has a Google account",
    ),
    "no issuer": (OPENID, "openid.issuer", "missing"),
    "an issuer without encryption": (
        OPENID + "openid: {issuer: http://login.school.edu}\n",
        "openid.issuer",
        "https://",
    ),
    "scopes without openid": (
        OPENID + "openid: {issuer: https://x.edu, scopes: [profile]}\n",
        "openid.scopes",
        "lack openid",
    ),
    "email unasked for": (
        OPENID + "openid: {issuer: https://x.edu, scopes: [openid], username_claim: email, domain: x.edu}\n",
        "openid.scopes",
        "lack email",
    ),
    "a server with a path": (GITHUB + "github: {server: https://x.edu/git}\n", "github.server", "path"),
    "an organisation's address": (
        GITHUB + "github: {organizations: [https://github.com/school]}\n",
        "github.organizations",
        "GitHub's addresses",
    ),
    "an unknown way": (WHO + "sign_in: gitlab\n", "sign_in", "first-use, sign-up, github"),
}


@pytest.mark.parametrize(("text", "key", "words"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes(tmp_path, text, key, words):
    (problem,) = problems_of(make_course(tmp_path / "course", text))
    assert problem.key == key and words in str(problem)


def test_whom_no_address_leads_to(tmp_path):
    problems = problems_of(make_course(tmp_path / "course", GOOGLE))
    assert {problem.found for problem in problems} == {"ada", "grace"}
    assert all("google.domain" in problem.fix for problem in problems)


@pytest.mark.parametrize(
    "text",
    [GITHUB, GOOGLE + "google: {domain: school.edu}\n", OPENID + ISSUER],
    ids=["github", "google", "openid"],
)
def test_the_way_is_changed_by_one_key(tmp_path, text):
    """What belongs to another way may stay: it is of no effect."""
    settings = course(tmp_path, text)
    assert sign_in.wanted(settings, None).auth["type"].startswith("oauthenticator.")
    passwords = course(
        tmp_path / "second", text.replace(f"sign_in: {settings.sign_in}", "sign_in: first-use")
    )
    assert sign_in.wanted(passwords, CLIENT) == sign_in.SignIn(sign_in.WITH_PASSWORDS["first-use"])


def test_an_identity_of_nobody(tmp_path):
    settings = course(tmp_path, GITHUB.replace("Octo-Cat}", "Octo-Cat, aba: ada-l}"))
    with pytest.raises(InvalidInput, match="Did you mean ada") as caught:
        sign_in.require_client(settings, CLIENT)
    assert caught.value.problems[0].found == "aba"


def test_missing_secrets_are_told_together_with_the_callback_address(tmp_path):
    settings = course(tmp_path, GOOGLE + "google: {domain: school.edu}\n")
    with pytest.raises(InvalidInput) as caught:
        sign_in.require_client(settings, Secrets())
    assert {problem.file for problem in caught.value.problems} == {
        "secret OAUTH_CLIENT_ID",
        "secret OAUTH_CLIENT_SECRET",
    }
    assert "https://hub.school.edu/hub/oauth_callback" in str(caught.value)
    sign_in.require_client(settings, CLIENT)
    sign_in.require_client(course(tmp_path / "second", WHO), Secrets())


@pytest.mark.parametrize("value", ["two words", "abc", "a\nb", "pass\u00e4"])
def test_a_client_that_cannot_be_one(value):
    with pytest.raises(InvalidInput) as caught:
        Secrets.from_environment({"OAUTH_CLIENT_ID": value, "OAUTH_CLIENT_SECRET": value})
    assert len(caught.value.problems) == 2 and value not in str(caught.value)


# What the hub is told


def test_github_knows_organisations_and_servers(tmp_path):
    text = GITHUB + "github: {organizations: [school], server: https://git.school.edu}\n"
    auth = configuration.config_yaml(course(tmp_path, text))["auth"]
    assert auth["type"] == "oauthenticator.github.GitHubOAuthenticator"
    options = auth["GitHubOAuthenticator"]
    assert options["github_url"] == "https://git.school.edu"
    assert (options["allowed_organizations"], options["scope"]) == (["school"], ["read:org"])
    plain = sign_in.wanted(course(tmp_path / "second", GITHUB), None).auth["GitHubOAuthenticator"]
    assert "allowed_organizations" not in plain and "scope" not in plain


@pytest.mark.parametrize(("everyone", "allowed"), [("false", "False"), ("true", "True")])
def test_everybody_comes_in_only_when_the_settings_say_so(tmp_path, everyone, allowed):
    settings = course(tmp_path, GOOGLE + f"google: {{domain: school.edu, everyone: {everyone}}}\n")
    text = configuration.want(settings, CLIENT).files[configuration.SNIPPET_FILE]["text"]
    assert f"c.Authenticator.allow_all = {allowed}" in text
    assert configuration.config_yaml(settings)["users"]["allowed"] == ["ada", "grace", "teacher"]


def test_the_secret_is_sent_beside_the_plan_and_the_callback_address_is_in_it(tmp_path):
    want = configuration.want(course(tmp_path, GITHUB), CLIENT)
    before = configuration.want(course(tmp_path / "second", WHO), CLIENT)
    (step,) = configuration.plan(want, seen_as(before), MACHINE)
    assert "keep-this-secret" not in repr(want) + repr(step)
    assert json.loads(step.secrets["client"]) == {"id": "the-hub", "secret": "keep-this-secret"}
    assert "GitHub must know the callback address http://198.51.100.7/hub/oauth_callback" in step.details
    assert any("2 people come in" in detail for detail in step.details)
    assert step.parameters["trial"]["token_url"] == "https://github.com/login/oauth/access_token"
    assert step.parameters["reload"] == "hub"
    assert configuration.plan(want, seen_as(want), MACHINE) == []
    assert configuration.question(want)["hidden"][-1] == sign_in.CLIENT_FILE
    (back,) = configuration.plan(before, seen_as(want), MACHINE)
    assert back.secrets == {} and back.parameters["files"][sign_in.CLIENT_FILE]["text"] is None


def test_the_provider_says_where_its_parts_are(tmp_path):
    want = configuration.want(course(tmp_path, OPENID + ISSUER), CLIENT)
    assert configuration.question(want)["issuer"] == "https://login.school.edu/x"
    seen = seen_as(want, provider={"problem": None, "endpoints": ENDPOINTS})
    settled = configuration.prepare(want, seen, MACHINE, None)
    options = settled.config["auth"]["GenericOAuthenticator"]
    assert options.items() >= (ENDPOINTS | {"login_service": "School"}).items()
    text = OPENID + ISSUER.replace("}", ", claims_from: id-token}")
    other = configuration.want(course(tmp_path / "second", text), CLIENT)
    told = configuration.prepare(other, seen, MACHINE, None).config["auth"]["GenericOAuthenticator"]
    assert told["userdata_from_id_token"] is True and "userdata_url" not in told
    seen["files"][sign_in.CLIENT_FILE] = None
    (step,) = configuration.plan(settled, seen, MACHINE)
    assert step.parameters["trial"]["token_url"] == ENDPOINTS["token_url"]
    assert step.parameters["trial"]["basic"] is True
    for answer in (None, {"problem": "it answered 404", "endpoints": {}}):
        with pytest.raises(Failure, match="School does not say how to sign in"):
            configuration.prepare(want, seen | {"provider": answer}, MACHINE, None)


def test_administrators_have_no_password_to_set(tmp_path):
    want = users.want(course(tmp_path, GITHUB), Secrets(hub_admin_password="first one of all"))
    assert users.question(want)["admins"] == [] and users.plan(want, {"admins": {}}, MACHINE) == []
    assert users.prepare(want, {"admins": {}}, MACHINE, None) == want
    assert people.passwords("github") == {}
    with pytest.raises(InvalidInput, match="keeps no passwords"):
        require_passwords(SimpleNamespace(sign_in="github"))
    require_passwords(SimpleNamespace(sign_in="first-use"))


# Who is whom


def hub_of(tmp_path, monkeypatch, text):
    """What the hub's configuration is after the snippet has run."""
    file = tmp_path / "client.json"
    file.write_text(json.dumps({"id": "the-hub", "secret": "keep-this-secret"}))
    monkeypatch.setattr(sign_in, "CLIENT_FILE", str(file))
    roster = tmp_path / "roster.json"
    for module in (sign_in, configuration, people_of_hub):
        monkeypatch.setattr(module, "ROSTER_FILE", str(roster))
    c = Config()
    tljh = SimpleNamespace(UserCreatingSpawner=type("UserCreatingSpawner", (), {}))
    monkeypatch.setitem(sys.modules, "tljh.user_creating_spawner", tljh)
    want = configuration.want(course(tmp_path, text), CLIENT)
    roster.write_text(want.files[str(roster)]["text"])
    exec(want.files[configuration.SNIPPET_FILE]["text"], {"c": c})
    return c


def test_github_names_open_accounts(tmp_path, monkeypatch):
    c = hub_of(tmp_path, monkeypatch, GITHUB.replace("Octo-Cat}", "Octo-Cat, grace: grace-at-home}"))
    account = c.OAuthenticator.username_claim
    assert (c.OAuthenticator.client_id, c.OAuthenticator.client_secret) == ("the-hub", "keep-this-secret")
    assert account({"login": "octo-CAT"}) == "teacher"
    assert account({"login": "Ada"}) == "ada" and account({"login": "Grace-At-Home"}) == "grace"
    for stranger in ("teacher", "Teacher", "grace", "a/b", "", None, 7, "ad\u0430", "\u212aate"):
        with pytest.raises(HTTPError) as refused:
            account({"login": stranger})
        assert refused.value.status_code == 403


def test_rights_of_an_admin_are_the_settings_alone(tmp_path, monkeypatch):
    hook = hub_of(tmp_path, monkeypatch, GITHUB).Authenticator.post_auth_hook
    authenticator = SimpleNamespace(admin_users={"teacher"})
    for name, admin in (("teacher", True), ("ada", False)):
        assert hook(authenticator, None, {"name": name, "admin": None}) == {"name": name, "admin": admin}


def google_user(email, hd=None, verified=True):
    return {"email": email, "verified_email": verified} | ({"hd": hd} if hd else {})


def test_addresses_open_accounts(tmp_path, monkeypatch):
    text = GOOGLE.replace("Prof@school.edu}", "p.r@gmail.com, grace: g@gmail.com}")
    account = hub_of(tmp_path, monkeypatch, text + "google: {domain: school.edu}\n").OAuthenticator
    account = account.username_claim
    assert account(google_user("Ada@School.edu", "school.edu")) == "ada"
    assert account(google_user("p.r@gmail.com")) == "teacher"
    assert account(google_user("g@gmail.com")) == "grace"
    strangers = (
        google_user("ada@gmail.com"),
        google_user("ada@school.edu"),
        google_user("ada@school.edu", "evil.example"),
        google_user("ada@evil.school.edu", "school.edu"),
        google_user("ada@evil.example@school.edu", "school.edu"),
        google_user("grace@school.edu", "school.edu"),
        google_user("teacher@school.edu", "school.edu"),
        google_user("p.r@gmail.com", verified=False),
        {"email": "p.r@gmail.com"},
    )
    for stranger in strangers:
        with pytest.raises(HTTPError):
            account(stranger)


@pytest.mark.parametrize(
    ("claim", "domain", "info", "expected"),
    [
        ("preferred_username", None, {"preferred_username": "Ada"}, "ada"),
        ("preferred_username", None, {"preferred_username": "ada@school.edu"}, None),
        ("upn", "school.edu", {"upn": "ada@school.edu"}, "ada"),
        ("upn", "school.edu", {"upn": "ada"}, None),
        ("email", "school.edu", {"email": "ada@school.edu", "email_verified": True}, "ada"),
        ("email", "school.edu", {"email": "ada@school.edu", "email_verified": "true"}, "ada"),
        ("email", "school.edu", {"email": "ada@school.edu", "email_verified": False}, None),
        ("email", "school.edu", {"email": "ada@school.edu"}, None),
    ],
)
def test_claims(claim, domain, info, expected):
    identity = known_as.identity_in(info, claim, domain)
    assert known_as.account_of(identity, {"prof": "teacher"}, domain) == expected


# On the droplet


@pytest.fixture
def answering():
    """A provider at a port of this computer that gives what it is told, and keeps what it was asked."""
    told = {"status": 200, "said": {}, "asked": []}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            size = int(self.headers.get("Content-Length", 0))
            told["asked"].append((self.headers.get("Authorization"), self.rfile.read(size).decode()))
            self.send_response(told["status"])
            self.end_headers()
            self.wfile.write(json.dumps(told["said"]).encode())

        do_POST = do_GET

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    told["url"] = f"http://127.0.0.1:{server.server_address[1]}"
    yield told
    server.shutdown()
    server.server_close()


def said_by(issuer, **changes):
    return {
        "issuer": issuer,
        "authorization_endpoint": ENDPOINTS["authorize_url"],
        "token_endpoint": ENDPOINTS["token_url"],
        "userinfo_endpoint": ENDPOINTS["userdata_url"],
    } | changes


def test_discovery(answering):
    url = answering["url"]
    answering["said"] = said_by(url)
    assert provider.discovered(url + "/") == {"problem": None, "endpoints": ENDPOINTS}
    answering["said"] = said_by(url, token_endpoint_auth_methods_supported=["client_secret_post"])
    assert provider.discovered(url)["endpoints"]["basic_auth"] is False
    answering["said"] = said_by("https://evil.example")
    assert "another issuer" in provider.discovered(url)["problem"]
    answering["said"] = said_by(url, token_endpoint="http://login.school.edu/token")
    assert "no encrypted token_endpoint" in provider.discovered(url)["problem"]
    answering["said"] = ["nothing"]
    assert "not as OpenID" in provider.discovered(url)["problem"]
    answering["status"] = 404
    assert "answered 404" in provider.discovered(url)["problem"]
    assert "cannot be reached" in provider.discovered("http://127.0.0.1:1")["problem"]


@pytest.mark.parametrize(
    ("status", "said", "known"),
    [
        (400, {"error": "invalid_grant"}, True),
        (401, {"error": "invalid_client"}, False),
        (400, {"error": "invalid_client"}, False),
        (200, {"error": "bad_verification_code"}, True),
        (200, {"error": "incorrect_client_credentials"}, False),
        (404, {"error": "Not Found"}, False),
    ],
)
def test_a_provider_knows_its_clients(answering, status, said, known):
    answering |= {"status": status, "said": said}
    trial = {"provider": "School", "token_url": answering["url"], "callback": "https://x/y", "basic": False}
    client = {"id": "the-hub", "secret": "keep-this-secret"}
    for basic in (False, True):
        if known:
            provider.require_known_client(trial | {"basic": basic}, client)
            continue
        with pytest.raises(OperationFailed, match="School does not accept OAUTH_CLIENT_ID") as caught:
            provider.require_known_client(trial | {"basic": basic}, client)
        assert "keep-this-secret" not in str(caught.value)
    (first, form), (second, without) = answering["asked"]
    assert first is None and "client_secret=keep-this-secret" in form
    assert second.startswith("Basic ") and "keep-this-secret" not in without


@pytest.mark.parametrize(
    ("status", "said", "words"),
    [
        (200, {"keys": [{"kty": "RSA"}]}, None),
        (200, {"keys": []}, "has none"),
        (200, {"error": "x"}, "not as learning platforms do"),
        (404, {"keys": [{"kty": "RSA"}]}, "answered 404"),
    ],
)
def test_keys_of_a_learning_platform(answering, status, said, words):
    answering |= {"status": status, "said": said}
    problem = provider.problem_with_keys(answering["url"])
    assert problem is None if words is None else words in problem
    assert "cannot be reached" in provider.problem_with_keys("http://127.0.0.1:1")


def test_a_client_is_not_tried_where_the_provider_cannot_be_reached():
    trial = {"provider": "School", "token_url": "http://127.0.0.1:1", "callback": "", "basic": False}
    with pytest.raises(OperationFailed, match="School cannot be reached"):
        provider.require_known_client(trial, {"id": "a", "secret": "b"})


def test_a_secret_that_is_there_stays_when_it_is_not_sent_again(tmp_path):
    """As with the key of a certificate: what is right is not sent, and must not go."""
    path = tmp_path / "client.json"
    named = {"digest": on_droplet.digest_of("a secret"), "mode": 0o600}
    on_droplet.put({str(path): named}, {named["digest"]: "a secret"})
    assert path.read_text() == "a secret" and path.stat().st_mode & 0o777 == 0o600
    on_droplet.put({str(path): named})
    assert path.read_text() == "a secret"
    on_droplet.put({str(path): {"text": None, "mode": 0o600}})
    assert not path.exists()


def test_a_page_with_a_button_is_a_page_to_log_in_on():
    assert is_log_in_page('<a href="/hub/oauth_login?next=">') and is_log_in_page("<form>")
    assert not is_log_in_page("hello")


def test_an_admin_whom_only_the_secret_names_is_refused(tmp_path):
    """There is no line in course.yml that says who that is at the provider; no name is shown."""
    settings = course(tmp_path, GITHUB)
    with_one = joined(settings, people_from("name,role\nzoe,admin\n"), names=True)
    with pytest.raises(InvalidInput, match="HUB_USERS") as caught:
        sign_in.require_client(with_one, CLIENT)
    assert "zoe" not in str(caught.value)
    sign_in.require_client(joined(settings, people_from("name\nzoe\n"), names=True), CLIENT)
