"""Coming in from a learning platform, without one: settings and their mistakes, what the hub is told, who is
whom. That launches which are wrong are refused is tested with the real authenticator: tests/sandbox."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from test_parts import MACHINE, seen_as
from tornado.web import HTTPError

from course_folder import make_course, problems_of
from coursehub import known_as, lti_launch
from coursehub.droplet import hub_packages, people
from coursehub.droplet.system import OperationFailed
from coursehub.links.collection import account_links
from coursehub.log_in_page import is_log_in_page
from coursehub.lti_hub import FROM_ELSEWHERE
from coursehub.lti_launch import CLAIM
from coursehub.parts import authenticator, configuration, lti, sign_in
from coursehub.problems import Failure, InvalidInput
from coursehub.roster.hub import ROSTER_FILE
from coursehub.secrets import Secrets
from coursehub.settings import load

START = (
    "admins: [teacher]\nusers: [ada, grace]\nsign_in: lti\n"
    "https: {email: a@b.org, domain: hub.school.edu}\nidentities: {teacher: Prof}\n"
)
MOODLE = START + "lti: {platform: moodle, address: https://moodle.school.edu/, client_id: abc}\n"
CANVAS = START + 'lti: {platform: canvas, client_id: "10000000000042", courses: [c1]}\n'
BLACKBOARD = START + "lti: {platform: blackboard, client_id: abc, courses: [c1], deployments: [d1]}\n"
OTHER = START + (
    "lti: {platform: other, client_id: abc, courses: [c1], issuer: https://lms.edu, "
    "authorize_url: https://lms.edu/auth, keys_url: https://lms.edu/keys}\n"
)


READY = {"ready": True}


def course(tmp_path, text):
    return load(make_course(tmp_path / "course", text))


MISTAKES = {
    "no platform": (START, "lti.platform", "missing"),
    "an unknown platform": (MOODLE.replace("moodle,", "modle,"), "lti.platform", "Did you mean moodle"),
    "no client": (MOODLE.replace(", client_id: abc", ""), "lti.client_id", "what Moodle calls the hub"),
    "a client that YAML reads as a number": (
        CANVAS.replace('"', ""),
        "lti.client_id",
        'Put it in quotes: "10000000000042"',
    ),
    "no address": (MOODLE.replace("address: https://moodle.school.edu/, ", ""), "lti.address", "Moodle's"),
    "an address without encryption": (MOODLE.replace("https://m", "http://m"), "lti.address", "https://"),
    "no keys": (OTHER.replace(", keys_url: https://lms.edu/keys", ""), "lti.keys_url", "missing"),
    "a tool of many tenants": (
        BLACKBOARD.replace(", deployments: [d1]", ""),
        "lti.deployments",
        "any institution",
    ),
    "names that a teacher may give": (
        CANVAS.replace(", courses: [c1]", ""),
        "lti.courses",
        "teachers of any course",
    ),
    "everybody of all courses": (
        MOODLE.replace("client_id", "everyone: true, client_id"),
        "lti.everyone",
        "every course",
    ),
    "no domain of the hub's": (
        MOODLE.replace("https: {email: a@b.org, domain: hub.school.edu}\n", ""),
        "sign_in",
        "https.domain",
    ),
    "an admin without identity": (
        MOODLE.replace("identities: {teacher: Prof}\n", ""),
        "admins",
        "no line in identities",
    ),
    "an admin who is no address": (
        MOODLE.replace("client_id", "username: email, domain: school.edu, client_id"),
        "identities.teacher",
        "not an e-mail address",
    ),
    "an address that could end the page": (
        MOODLE.replace("school.edu/", 'school.edu/\\"><script>'),
        "lti.address",
        "https://",
    ),
}


@pytest.mark.parametrize(("text", "key", "words"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes(tmp_path, text, key, words):
    (problem,) = problems_of(make_course(tmp_path / "course", text))
    assert problem.key.partition("[")[0] == key and words in str(problem)


def test_students_whom_no_address_leads_to(tmp_path):
    text = MOODLE.replace("client_id", "username: email, client_id").replace("Prof", "prof@school.edu")
    problems = problems_of(make_course(tmp_path / "course", text))
    assert {problem.found for problem in problems} == {"ada", "grace"}
    assert all("lti.domain" in problem.fix for problem in problems)


def test_no_secrets_are_needed_and_people_must_be_in_the_list(tmp_path):
    sign_in.require_client(course(tmp_path, MOODLE), Secrets())
    text = MOODLE.replace("{teacher: Prof}", "{teacher: Prof, aba: ada-l}")
    with pytest.raises(InvalidInput, match="Did you mean ada"):
        sign_in.require_client(course(tmp_path / "second", text), Secrets())


@pytest.mark.parametrize(
    ("text", "issuer", "authorize", "keys"),
    [
        (
            MOODLE,
            "https://moodle.school.edu",
            "https://moodle.school.edu/mod/lti/auth.php",
            "https://moodle.school.edu/mod/lti/certs.php",
        ),
        (
            CANVAS,
            "https://canvas.instructure.com",
            "https://sso.canvaslms.com/api/lti/authorize_redirect",
            "https://sso.canvaslms.com/api/lti/security/jwks",
        ),
        (
            CANVAS.replace("client_id", "issuer: https://canvas.edu, client_id"),
            "https://canvas.edu",
            "https://sso.canvaslms.com/api/lti/authorize_redirect",
            "https://sso.canvaslms.com/api/lti/security/jwks",
        ),
        (
            BLACKBOARD,
            "https://blackboard.com",
            "https://developer.blackboard.com/api/v1/gateway/oidcauth",
            "https://developer.blackboard.com/api/v1/management/applications/abc/jwks.json",
        ),
        (OTHER, "https://lms.edu", "https://lms.edu/auth", "https://lms.edu/keys"),
    ],
)
def test_where_each_platform_has_what(tmp_path, text, issuer, authorize, keys):
    auth = configuration.config_yaml(course(tmp_path, text))["auth"]
    assert auth["type"] == "ltiauthenticator.lti13.auth.LTI13Authenticator"
    options = auth["LTI13Authenticator"]
    assert (options["issuer"], options["authorize_url"], options["jwks_endpoint"]) == (
        issuer,
        authorize,
        keys,
    )
    want = configuration.want(course(tmp_path / "second", text), Secrets())
    assert configuration.question(want)["keys"] == keys


def test_the_plan_says_what_the_platform_must_know(tmp_path):
    want = configuration.want(course(tmp_path, CANVAS), Secrets())
    other = course(tmp_path / "second", CANVAS.replace("lti\n", "first-use\n", 1))
    before = configuration.want(other, Secrets())
    (step,) = configuration.plan(want, seen_as(before), MACHINE)
    for path in ("oauth_login", "oauth_callback", "jwks", "config"):
        assert any(f"https://hub.school.edu/hub/lti13/{path}" in line for line in step.details)
    assert any("2 people come in" in line for line in step.details)
    assert step.secrets == {} and "trial" not in step.parameters
    packages = authenticator.want(course(tmp_path / "third", CANVAS), None)
    assert authenticator.plan(packages, READY, MACHINE) == []


def test_keys_that_are_not_there_matter_when_something_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(configuration.encryption, "settled", lambda encryption, *_: encryption)
    want = configuration.want(course(tmp_path, MOODLE), Secrets())
    seen = seen_as(want, keys="it answered 404")
    assert configuration.prepare(want, seen, MACHINE, None).config == want.config, "a platform that is down"
    seen["files"][configuration.SNIPPET_FILE] = "another"
    with pytest.raises(Failure, match="Moodle does not say its keys: it answered 404"):
        configuration.prepare(want, seen, MACHINE, None)


def test_the_authenticator_is_installed_where_it_is_not(tmp_path):
    other = authenticator.want(course(tmp_path, MOODLE.replace("lti\n", "first-use\n", 1)), None)
    assert authenticator.question(other) == {"digest": None} and hub_packages.look(None)["ready"]
    assert authenticator.plan(other, {"ready": True}, MACHINE) == []
    text = MOODLE + "mirrors: {pypi: https://mirror.school.edu/simple}\n"
    want = authenticator.want(course(tmp_path / "second", text), None)
    (step,) = authenticator.plan(want, {"ready": False}, MACHINE)
    assert step.parameters["index"] == "https://mirror.school.edu/simple"
    assert "+ jupyterhub-ltiauthenticator 1.6.3" in step.details
    assert "--hash=sha256:" in step.parameters["requirements"]
    assert lti.packages() == f"{hub_packages.PLACE}/{want.digest}"


def test_an_installation_that_fails_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(hub_packages, "PLACE", tmp_path / "packages")
    monkeypatch.setattr(hub_packages, "PYTHON", "/bin/false")
    with pytest.raises(OperationFailed, match="nothing was changed"):
        hub_packages.install("d", "x==1 --hash=sha256:0\n", None)
    assert not hub_packages.look("d")["ready"] and list((tmp_path / "packages").iterdir()) == []
    monkeypatch.setattr(hub_packages, "PYTHON", "/bin/true")
    hub_packages.install("d", "x==1 --hash=sha256:0\n", None)
    assert hub_packages.look("d")["ready"] and not hub_packages.look("e")["ready"]


def test_the_tool_that_canvas_reads_asks_for_no_more_than_a_name(tmp_path):
    tool = lti.tool(course(tmp_path, CANVAS))
    assert tool["scopes"] == [] and tool["custom_fields"] == {"login": "$User.username"}
    assert tool["extensions"][0]["privacy_level"] == "anonymous"
    assert tool["target_link_uri"].startswith("https://hub.school.edu/hub/user-redirect/git-pull?")
    mail = CANVAS.replace("client_id", "username: email, domain: school.edu, client_id")
    mail = mail.replace("Prof", "prof@school.edu")
    assert lti.tool(course(tmp_path / "second", mail))["extensions"][0]["privacy_level"] == "public"


def test_other_parts_know_this_way(tmp_path):
    assert people.passwords("lti") == {}
    assert next(account_links("lti", "https://x")).title == "Log in"
    assert is_log_in_page(FROM_ELSEWHERE.format(platform="Moodle", link=""))


# Who is whom


def hub_of(tmp_path, text):
    """The snippet's names after it has run, but for the authenticator, whose packages only a hub has."""
    made = []
    c = SimpleNamespace(JupyterHub=SimpleNamespace(authenticator_class="x"), Authenticator=SimpleNamespace())
    files = configuration.want(course(tmp_path, text), Secrets()).files
    full = files[configuration.SNIPPET_FILE]["text"]
    roster = tmp_path / "roster.json"
    roster.write_text(files[ROSTER_FILE]["text"])
    full = full.replace(ROSTER_FILE, str(roster))
    start = full.index("# People come in from a learning platform")
    full = full[start:].replace("\nset_up_sign_in()\n", "\nlti_authenticator = made\nset_up_sign_in()\n", 1)
    names = {"c": c, "made": lambda *given: made.append(given)}
    exec(full[: full.index("\nset_up_sign_in()\n") + len("\nset_up_sign_in()\n")], names)
    return names, made[0]


def test_names_open_accounts(tmp_path):
    names, (about, account, *_) = hub_of(tmp_path, MOODLE.replace("Prof}", "Prof, grace: grace-at-home}"))
    assert about["platform"] == "Moodle" and about["signed_login"] and about["courses"] == []
    assert about["start"].startswith("/hub/user-redirect/git-pull?")
    assert [account(name) for name in ("PROF", "Ada", "grace-at-home")] == ["teacher", "ada", "grace"]
    for stranger in ("teacher", "Grace", "a/b", "", None, "ad\u0430", "$User.username", "a b"):
        with pytest.raises(HTTPError) as refused:
            account(stranger)
        assert refused.value.status_code == 403
    hook = names["c"].Authenticator.post_auth_hook
    authenticator = SimpleNamespace(admin_users={"teacher"})
    for name, admin in (("teacher", True), ("ada", False)):
        assert hook(authenticator, None, {"name": name, "admin": True})["admin"] is admin


TOKEN = {
    "sub": "77",
    "email": "ada@school.edu",
    CLAIM + "ext": {"user_username": "ada"},
    CLAIM + "custom": {"login": "forged"},
    CLAIM + "lis": {"person_sourcedid": "s-1"},
    CLAIM + "message_type": "LtiResourceLinkRequest",
    CLAIM + "deployment_id": "1",
    CLAIM + "context": {"id": "42", "title": "Physics"},
}


def test_what_a_launch_calls_somebody():
    signed = lti_launch.names_in(TOKEN, True)
    assert signed == {"login": "ada", "email": "ada@school.edu", "school-id": "s-1", "sub": "77"}
    assert lti_launch.names_in(TOKEN, False)["login"] == "forged"
    assert lti_launch.names_in({"sub": 7, CLAIM + "ext": "x", CLAIM + "lis": {}}, True) == {}


def test_a_name_that_is_absent_is_not_replaced_by_another():
    name = lti_launch.names_in({"sub": "77"}, True).get("login")
    assert known_as.identity_in({"name": name}, "name", None) is None


@pytest.mark.parametrize(
    ("deployments", "courses", "changes", "words"),
    [
        ([], [], {}, None),
        (["1"], ["42"], {}, None),
        (["2"], [], {}, "the deployment 1 of Moodle"),
        ([], ["43"], {}, "the course 42 (Physics) of Moodle, which is not in lti.courses"),
        ([], ["None"], {CLAIM + "context": {"id": "x"}}, "the course x"),
        ([], ["43"], {CLAIM + "context": "nonsense"}, "which is not in lti.courses"),
        ([], [], {CLAIM + "message_type": "LtiDeepLinkingRequest"}, "choose LtiResourceLinkRequest"),
    ],
)
def test_launches_that_do_not_belong_here(deployments, courses, changes, words):
    told = lti_launch.objection({**TOKEN, **changes}, deployments, courses, "Moodle")
    assert told is None if words is None else words in told


HUB = "https://hub.school.edu"
PULL = "/hub/user-redirect/git-pull?repo=file%3A%2F%2F%2Fsrv&urlpath=lab%2Ftree%2Fnext.ipynb"


@pytest.mark.parametrize(
    ("target", "asked", "expected"),
    [
        (HUB + PULL, "", PULL),
        (HUB, "", None),
        (HUB + "/hub", "", None),
        (HUB + "/hub/lti13/oauth_login", "", None),
        (HUB + "/hub/logout", "", None),
        (HUB + "/user/ada/lab", "", "/user/ada/lab"),
        (HUB + "/hub?next=%2Fhub%2Fhome", "", "/hub/home"),
        (HUB + PULL, "/hub/home", "/hub/home"),
        ("", "", None),
        ("https://evil.example/steal", "", None),
        ("https://evil.example/hub/home", "", "/hub/home"),
        (HUB + "/hub?next=https://evil.example/x", "", None),
        (HUB + "/hub?next=//evil.example/hub/home", "", "/hub/home"),
        (HUB + "//evil.example/hub", "", None),
        ("https:\\\\evil.example\\hub\\home", "", "/hub/home"),
        ("https://[evil/hub/home", "", None),
        ("javascript:alert(1)", "", None),
    ],
)
def test_where_a_launch_leads_to(target, asked, expected):
    assert lti_launch.place(target, asked) == expected


def test_the_pieces_of_the_snippet_are_python(tmp_path):
    text = configuration.want(course(tmp_path, MOODLE), Secrets()).files[configuration.SNIPPET_FILE]["text"]
    compile(text, "coursehub.py", "exec")
