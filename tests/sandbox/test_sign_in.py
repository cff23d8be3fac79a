"""Signing in at a provider for real: through the hub's own authenticators, at a provider of the sandbox.

The tests of this file tell one story, in order, on one machine: a class that had passwords.
"""

import base64
import json
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from deployments import ADMIN, ADMIN_PASSWORD
from sandbox import network
from sandbox.acme import Identity
from sandbox.identity_provider import Provider
from student import Refused, Student

pytestmark = pytest.mark.sandbox
PORT = 14100
PASSWORD = "a first password"
CLIENT = ("the-hub", "a-secret-of-the-hub")
NOTEBOOK = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}


def person(name: str) -> dict[str, str | None]:
    return {"sub": f"number of {name}", "preferred_username": name, "login": name, "email": None}


@pytest.fixture(scope="module")
def classroom_of_its_own(make_deployed):
    return make_deployed("test-sign-in")


@pytest.fixture(scope="module")
def course(classroom_of_its_own):
    return classroom_of_its_own[0]


@pytest.fixture(scope="module")
def box(classroom_of_its_own):
    return classroom_of_its_own[1]


@pytest.fixture(scope="module")
def hub(box):
    return f"http://{box.address}"


@pytest.fixture(scope="module")
def provider(tmp_path_factory, box, hub):
    address = str(network.ensure().gateway)
    identity = Identity.make(tmp_path_factory.mktemp("provider"), address)
    identity.trust(box)
    names = ("Ada", "mallory", "teacher", "Prof.Smith", "Prof-Smith", "grace-at-home", "grace", "tutor")
    with Provider(
        identity,
        address,
        PORT,
        CLIENT,
        (f"{hub}/hub/oauth_callback",),
        {name: person(name) for name in names},
        {"school": ("tutor",)},
    ) as running:
        yield running


def at_the_browser(hub, provider, name, account=None) -> Student:
    """Somebody who is signed in at the provider, and whose account at the hub would be `account`."""
    student = Student(hub, account or name.lower(), "")
    student.browser.verify = str(provider.identity.certificate)
    student.browser.trust_env = False  # what the environment says of certificates would count for more
    student.browser.cookies.set("person", name, domain=provider.address)
    return student


def press_the_button(student: Student) -> requests.Response:
    return student.browser.get(f"{student.hub}/hub/oauth_login", timeout=30)


def sign_in(hub, provider, name, account=None) -> Student:
    """Raises Refused."""
    student = at_the_browser(hub, provider, name, account)
    page = press_the_button(student)
    if page.status_code != 200 or urlsplit(page.url).path == "/hub/login":
        raise Refused(f"{page.status_code} at {page.url}: {page.text}")
    return student


def is_admin(student: Student) -> bool:
    return student.browser.get(f"{student.hub}/hub/admin", timeout=30).status_code == 200


def test_before_there_are_passwords(course, hub):
    ada = Student(hub, "ada", PASSWORD).log_in().open_server()
    ada.write("mine.ipynb", NOTEBOOK)


def test_without_the_secrets_nothing_is_touched(course, provider):
    course.override |= {
        "sign_in": "openid",
        "identities": {ADMIN: "prof.smith", "grace": "grace-at-home"},
        "openid": {"issuer": provider.url, "name": "School"},
    }
    done = course.run()
    assert done.code == 2 and done.plan == []
    assert "OAUTH_CLIENT_ID" in done.said and "OAUTH_CLIENT_SECRET" in done.said


def test_a_wrong_secret_is_told_before_anything_changes(course, box, hub):
    course.secrets |= {"OAUTH_CLIENT_ID": CLIENT[0], "OAUTH_CLIENT_SECRET": "that-of-another-hub"}
    done = course.run()
    assert done.code == 1 and "School does not accept OAUTH_CLIENT_ID" in done.said
    Student(hub, "ada", PASSWORD).log_in()
    assert box.run(["ls", "/opt/tljh/config/"]).stdout.find(b"sign-in") < 0


def test_a_provider_that_is_somebody_else(course, provider):
    course.override["openid"]["issuer"] = provider.url + "/realms/main"
    done = course.run()
    course.override["openid"]["issuer"] = provider.url
    assert done.code == 1 and "openid.issuer" in done.said and "404" in done.said


def test_ada_finds_her_file(course, box, hub, provider):
    course.secrets["OAUTH_CLIENT_SECRET"] = CLIENT[1]
    done = course.deploy()
    assert f"{hub}/hub/oauth_callback" in done.said, "the address to register is told"
    assert CLIENT[1] not in done.said + json.dumps(done.result)
    ada = sign_in(hub, provider, "Ada").open_server()
    assert ada.read("mine.ipynb")["nbformat"] == 4
    assert not is_admin(ada)
    assert course.deploy().plan == [], "a deploy finds nothing to put right"
    mode = box.run(["stat", "--format=%a %U", "/opt/tljh/config/sign-in/client.json"]).stdout.split()
    assert mode == [b"600", b"root"]


def test_the_secret_is_closed_to_students(hub, provider):
    ada = sign_in(hub, provider, "Ada").open_server()
    with ada.open("mine.ipynb") as kernel:
        said = kernel.run(
            "import subprocess\n"
            "command = ['grep', '-rsl', 'a-secret-of-the-hub', '/opt', '/etc', '/srv', '/run', '/tmp']\n"
            "print(subprocess.run(command, capture_output=True, text=True).stdout)"
        )
    assert said.strip() == ""


def test_who_is_not_named_stays_outside(course, hub, provider):
    with pytest.raises(Refused, match="not in the list of this course"):
        sign_in(hub, provider, "mallory")
    with pytest.raises(Refused, match="opens no account of this course"):
        sign_in(hub, provider, "teacher")
    with pytest.raises(Refused, match="opens no account of this course"):
        sign_in(hub, provider, "grace")


def test_passwords_of_before_open_nothing(hub):
    browser = requests.Session()
    page = browser.get(f"{hub}/hub/login", timeout=30)
    assert "Sign in with School" in page.text and 'type="password"' not in page.text
    form = {"username": ADMIN, "password": ADMIN_PASSWORD, "_xsrf": browser.cookies["_xsrf"]}
    assert browser.post(f"{hub}/hub/login", data=form, timeout=30).status_code >= 400
    assert browser.get(f"{hub}/hub/home", timeout=30).url.startswith(f"{hub}/hub/login")


def test_who_is_called_differently_there(hub, provider):
    assert is_admin(sign_in(hub, provider, "Prof.Smith", ADMIN))
    grace = sign_in(hub, provider, "grace-at-home", "grace").open_server()
    assert not is_admin(grace)


def test_a_state_of_somebody_else(hub, provider):
    """Whoever is sent a link with another's code must not end up in that other's account."""
    mallory = at_the_browser(hub, provider, "Ada")
    begun = mallory.browser.get(f"{hub}/hub/oauth_login", timeout=30, allow_redirects=False)
    back = mallory.browser.get(begun.headers["Location"], timeout=30, allow_redirects=False)
    link = back.headers["Location"]
    victim = at_the_browser(hub, provider, "grace-at-home")
    assert victim.browser.get(link, timeout=30).status_code == 400
    victim.browser.get(f"{hub}/hub/oauth_login", timeout=30, allow_redirects=False)
    assert victim.browser.get(link, timeout=30).status_code == 400
    forged = base64.urlsafe_b64encode(json.dumps({"state_id": "0" * 32}).encode()).decode()
    code = parse_qs(urlsplit(link).query)["code"][0]
    address = f"{hub}/hub/oauth_callback"
    answer = mallory.browser.get(address, params={"code": code, "state": forged}, timeout=30)
    assert answer.status_code == 400
    assert mallory.browser.get(f"{hub}/hub/home", timeout=30).url.startswith(f"{hub}/hub/login")


def test_what_the_id_token_says(course, hub, provider):
    course.override["openid"]["claims_from"] = "id-token"
    course.deploy()
    sign_in(hub, provider, "Ada")
    with pytest.raises(Refused):
        sign_in(hub, provider, "mallory")


def test_nobody_has_a_password_to_reset(course):
    done = course.run("people.py", "reset-password", "ada")
    assert done.code == 2 and "openid" in done.said
    assert course.run("people.py", "list").code == 0


def test_github_and_the_members_of_an_organisation(course, hub, provider):
    course.override |= {
        "sign_in": "github",
        "identities": {ADMIN: "Prof-Smith", "grace": "grace-at-home"},
        "github": {"server": provider.url, "organizations": ["school"]},
    }
    course.deploy()
    ada = sign_in(hub, provider, "Ada").open_server()
    assert ada.read("mine.ipynb")["nbformat"] == 4
    assert not is_admin(sign_in(hub, provider, "tutor"))
    assert is_admin(sign_in(hub, provider, "Prof-Smith", ADMIN))
    for name in ("mallory", "teacher", "grace"):
        with pytest.raises(Refused):
            sign_in(hub, provider, name)


def test_back_to_passwords(course, box, hub):
    course.override["sign_in"] = "first-use"
    course.deploy()
    ada = Student(hub, "ada", PASSWORD).log_in().open_server()
    assert ada.read("mine.ipynb")["nbformat"] == 4
    assert is_admin(Student(hub, ADMIN, ADMIN_PASSWORD).log_in())
    assert b"client.json" not in box.run(["ls", "/opt/tljh/config/sign-in"]).stdout
