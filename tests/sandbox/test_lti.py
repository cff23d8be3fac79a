"""Coming in from a learning platform for real: LTI 1.3 through the hub's authenticator, over https.

The tests of this file tell one story, in order, on one machine: a class that had passwords.
"""

import html
import json
import os
import re
import socket
import ssl
from pathlib import Path
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
import requests

from certificate_maker import Maker
from chromium import browser
from deployments import ADMIN, ADMIN_PASSWORD
from sandbox import network
from sandbox.acme import Identity
from sandbox.commands import wait_until
from sandbox.learning_platform import FAULTS, FORGERIES, LearningPlatform
from sandbox.names import NameServer
from student import Refused, Student

pytestmark = pytest.mark.sandbox
PORT = 14200
DOMAIN = "hub.school.test"
HUB = f"https://{DOMAIN}"
PASSWORD = "a first password"
CLIENT = "the-tool"
NOTEBOOK = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}
TEACHER, LEARNER = ("Instructor",), ("Learner",)
PEOPLE = {
    "Ada": LEARNER,
    "grace-at-home": LEARNER,
    "grace": LEARNER,
    "mallory": ("Instructor", "Administrator"),
    "teacher": LEARNER,
    "prof.smith": TEACHER,
}
FREEZE = ["/opt/tljh/hub/bin/python3", "-m", "pip", "list", "--format", "freeze"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("lti")


@pytest.fixture(scope="module")
def classroom_of_its_own(make_deployed):
    return make_deployed("test-lti")


@pytest.fixture(scope="module")
def box(classroom_of_its_own):
    return classroom_of_its_own[1]


@pytest.fixture(scope="module")
def identity(folder, box):
    made = Identity.make(folder, str(network.ensure().gateway))
    made.trust(box)
    return made


@pytest.fixture(scope="module")
def course(classroom_of_its_own, folder, box, identity):
    """A course whose hub has a domain and a certificate of the school's own."""
    made, own = classroom_of_its_own[0], Maker()
    chain, key = own.issue(DOMAIN)
    trusted = folder / "trusted.pem"
    system = Path(ssl.get_default_verify_paths().cafile or os.environ["SSL_CERT_FILE"]).read_text()
    trusted.write_text("\n".join([system, own.root, identity.certificate.read_text()]))
    made.secrets |= {
        "HTTPS_CERTIFICATE": chain,
        "HTTPS_PRIVATE_KEY": key,
        "SSL_CERT_FILE": str(trusted),
        "REQUESTS_CA_BUNDLE": str(trusted),
    }
    with NameServer(folder / "names") as names, pytest.MonkeyPatch.context() as patch:
        names.set(DOMAIN, box.address)
        names.direct(box)
        made.wrapped = names.asking
        look_up = socket.getaddrinfo
        there = lambda host, *rest, **more: look_up(box.address if host == DOMAIN else host, *rest, **more)  # noqa: E731
        patch.setattr(socket, "getaddrinfo", there)
        made.trusted = trusted
        yield made


@pytest.fixture(scope="module")
def platform(identity):
    address = str(network.ensure().gateway)
    finish = f"{HUB}/hub/lti13/oauth_callback"
    begin = f"{HUB}/hub/lti13/oauth_login"
    with LearningPlatform(identity, address, PORT, CLIENT, begin, finish, PEOPLE) as running:
        yield running


def at_the_browser(course, platform, name, account=None) -> Student:
    """Somebody who is logged in to the platform, and whose account at the hub would be `account`."""
    student = Student(HUB, account or name.lower(), "")
    student.browser.verify = str(course.trusted)
    student.browser.trust_env = False
    student.browser.cookies.set("person", name, domain=platform.address)
    return student


def submit(student: Student, page: requests.Response, **more) -> requests.Response:
    """Send the form of a page, as its script or its button does."""
    action = html.unescape(re.search(r'<form method="post"(?: action="([^"]*)")?', page.text)[1] or page.url)
    fields = re.findall(r'name="([^"]*)" value="([^"]*)"', page.text)
    form = {name: html.unescape(value) for name, value in fields}
    return student.browser.post(action, data=form, timeout=60, **more)


def follow(student: Student, platform, target=f"{HUB}/hub/home") -> requests.Response:
    """Follow a link in the course: what the hub answers in the end."""
    query = urlencode({"target": target})
    back = submit(student, student.browser.get(f"{platform.url}/launch?{query}", timeout=30))
    assert urlsplit(back.url).path == "/mod/lti/auth.php", f"{back.status_code} at {back.url}: {back.text}"
    return submit(student, back)


def come_in(course, platform, name, account=None, **target) -> Student:
    """Raises Refused."""
    student = at_the_browser(course, platform, name, account)
    page = follow(student, platform, **target)
    if page.status_code != 200 or urlsplit(page.url).path == "/hub/login":
        raise Refused(f"{page.status_code} at {page.url}: {html.unescape(page.text)}")
    return student


def is_admin(student: Student) -> bool:
    return student.browser.get(f"{student.hub}/hub/admin", timeout=30).status_code == 200


def is_outside(student: Student) -> bool:
    return urlsplit(student.browser.get(f"{HUB}/hub/home", timeout=30).url).path == "/hub/login"


def test_before_there_are_passwords(course, box):
    ada = Student(f"http://{box.address}", "ada", PASSWORD).log_in().open_server()
    ada.write("mine.ipynb", NOTEBOOK)


def test_keys_that_cannot_be_had_are_told_before_anything_changes(course, box, platform):
    course.override |= {
        "sign_in": "lti",
        "https": {"email": "teacher@school.example", "domain": DOMAIN},
        "identities": {ADMIN: "prof.smith", "grace": "grace-at-home"},
        "lti": {"platform": "moodle", "address": platform.url + "/elsewhere", "client_id": CLIENT},
    }
    done = course.run()
    assert done.code == 1 and "Moodle does not say its keys" in done.error and "404" in done.error
    Student(f"http://{box.address}", "ada", PASSWORD).log_in()
    assert b"hub-packages" not in box.run(["ls", "/opt/course"]).stdout


def test_an_index_without_the_packages_changes_nothing(course, box, platform):
    course.override["lti"] |= {"address": platform.url, "courses": ["42"], "deployments": ["1"]}
    offline = "/opt/tljh/hub/pip.conf"
    box.run(["tee", offline], input=b"[global]\nno-index = true\n")
    done = course.run()
    box.run(["rm", offline])
    assert done.code == 1 and "could not be installed" in done.error and "nothing was changed" in done.error
    Student(f"http://{box.address}", "ada", PASSWORD).log_in()
    assert box.run(["ls", "-A", "/opt/course/hub-packages"]).stdout == b""


def test_the_authenticator_comes_first_and_the_hub_keeps_its_packages(course, box):
    before = box.run(FREEZE).stdout
    done = course.deploy()
    assert done.plan == ["Install the authenticator for LTI", "Apply the hub's configuration"]
    assert f"{HUB}/hub/lti13/oauth_login" in done.said and f"{HUB}/hub/lti13/oauth_callback" in done.said
    assert box.run(FREEZE).stdout == before
    assert course.deploy().plan == [], "a deploy finds nothing to put right"


def test_ada_finds_her_file(course, platform):
    ada = come_in(course, platform, "Ada").open_server()
    assert ada.read("mine.ipynb")["nbformat"] == 4
    assert not is_admin(ada)


def test_the_roles_of_the_platform_make_no_admins(course, platform):
    assert is_admin(come_in(course, platform, "prof.smith", ADMIN))
    assert not is_admin(come_in(course, platform, "grace-at-home", "grace"))
    with pytest.raises(Refused, match="not in the list of this course"):
        come_in(course, platform, "mallory")
    for name in ("teacher", "grace"):
        with pytest.raises(Refused, match=f"You come from Moodle as {name}, which opens no account"):
            come_in(course, platform, name)


def test_a_link_of_the_course_opens_its_notebook(course, platform):
    link = course.deploy().result["link"]
    ada = at_the_browser(course, platform, "Ada")
    opened = urlsplit(follow(ada, platform, link).url)
    assert opened.path == "/user/ada/git-pull" and parse_qs(opened.query) == parse_qs(urlsplit(link).query)
    other = f"{HUB}/hub?next={quote('/hub/user-redirect/lab/tree/mine.ipynb')}"
    assert urlsplit(follow(ada, platform, other).url).path == "/user/ada/lab/tree/mine.ipynb"
    for target in ("https://evil.example/hub/home", "//evil.example", "https://evil.example/steal", HUB):
        assert urlsplit(follow(ada, platform, target).url).netloc == DOMAIN


@pytest.mark.parametrize("fault", [*FORGERIES, *FAULTS])
def test_words_that_are_wrong(course, platform, fault):
    stranger = at_the_browser(course, platform, "prof.smith", ADMIN)
    platform.fault = fault
    try:
        answer = follow(stranger, platform)
    finally:
        platform.fault = None
    assert 400 <= answer.status_code < 500 and is_outside(stranger)
    if fault == "of another course":
        assert "the course 43 (Another course) of Moodle, which is not in lti.courses" in answer.text


def test_words_of_somebody_else(course, platform):
    """A link with another's words must open nothing, in any browser; nor may one's own be used twice."""
    follow(at_the_browser(course, platform, "prof.smith", ADMIN), platform)
    stolen = platform.sent[-1]
    thief = at_the_browser(course, platform, "mallory")
    finish = f"{HUB}/hub/lti13/oauth_callback"
    assert thief.browser.post(finish, data=stolen, timeout=30).status_code == 400
    begun = thief.browser.get(f"{platform.url}/launch?target={HUB}", timeout=30)
    back = submit(thief, begun)
    state = parse_qs(urlsplit(back.url).query)["state"][0]
    mixed = {"id_token": stolen["id_token"], "state": state}
    assert thief.browser.post(finish, data=mixed, timeout=30).status_code == 400
    assert is_outside(thief)
    ada = at_the_browser(course, platform, "Ada")
    follow(ada, platform)
    again = ada.browser.post(finish, data=platform.sent[-1], timeout=30)
    assert again.status_code == 400 and "Open it once more from your course" in again.text


def test_cookies_of_a_launch_cross_sites_and_those_of_the_session_do_not(course, platform):
    ada = at_the_browser(course, platform, "Ada")
    page = ada.browser.get(f"{platform.url}/launch?target={HUB}", timeout=30)
    begun = submit(ada, page, allow_redirects=False)
    cookies = [cookie for cookie in begun.raw.headers.getlist("Set-Cookie") if "lti13" in cookie]
    assert len(cookies) == 2
    for words in ("SameSite=None", "Secure", "HttpOnly"):
        assert all(words in cookie for cookie in cookies)
    done = submit(ada, ada.browser.get(begun.headers["Location"], timeout=30), allow_redirects=False)
    session = [cookie for cookie in done.raw.headers.getlist("Set-Cookie") if "hub-login" in cookie]
    assert session and "SameSite=None" not in session[0]


def test_in_a_frame_there_is_a_button(course, platform):
    ada = at_the_browser(course, platform, "Ada")
    page = ada.browser.get(f"{platform.url}/launch?target={HUB}/hub/home", timeout=30)
    framed = submit(ada, page, headers={"Sec-Fetch-Dest": "iframe"})
    assert "opens in a window of its own" in framed.text and 'target="_blank"' in framed.text
    assert "frame-ancestors" not in framed.headers["Content-Security-Policy"]
    back = submit(ada, framed)
    assert submit(ada, back).url == f"{HUB}/hub/home"


def test_who_comes_without_a_course_is_told_where_to_go(course, platform):
    stranger = at_the_browser(course, platform, "Ada")
    for path in ("/hub/login", "/hub/lti13/oauth_login", "/hub/user-redirect/lab"):
        page = stranger.browser.get(HUB + path, timeout=30)
        assert page.status_code == 200 and "You come in from your course in Moodle" in page.text
        assert f'href="{platform.url}"' in page.text and 'type="password"' not in page.text
    form = {"username": ADMIN, "password": ADMIN_PASSWORD, "_xsrf": stranger.browser.cookies["_xsrf"]}
    assert stranger.browser.post(f"{HUB}/hub/login", data=form, timeout=30).status_code >= 400
    assert is_outside(stranger)
    assert stranger.browser.get(f"{HUB}/hub/lti13/jwks", timeout=30).json() == {"keys": []}
    tool = stranger.browser.get(f"{HUB}/hub/lti13/config", timeout=30).json()
    assert tool["oidc_initiation_url"] == platform.begin and tool["scopes"] == []


def test_a_real_browser_comes_in(course, box, platform):
    """Cookies, forms and redirects between two sites are the browser's matter."""
    link = course.deploy().result["link"]
    flags = (f"--host-resolver-rules=MAP {DOMAIN} {box.address}", "--ignore-certificate-errors")
    with browser(flags=flags) as page:
        page.open(platform.url)
        page.run("document.cookie = 'person=Ada; path=/; secure; samesite=none'")
        page.open(f"{platform.url}/launch?{urlencode({'target': link})}")
        opened = page.wait_for("location.pathname.startsWith('/user/ada/lab') && location.href")
        assert opened.startswith(HUB)
        page.wait_for("document.querySelector('.jp-Notebook') !== null")
        page.open(f"{platform.url}/course?{urlencode({'target': link})}")
        page.wait_for("document.querySelector('iframe') !== null")
        known = {target["targetId"] for target in page.command("Target.getTargets")["targetInfos"]}
        wait_until(lambda: opened_window(page, known), 60, "the button's window", interval=2)


def opened_window(page, known) -> bool:
    """Click into the middle of the frame, where its button is; whether that opened the student's server."""
    found = page.command("Target.getTargets")["targetInfos"]
    others = [
        target["url"] for target in found if target["type"] == "page" and target["targetId"] not in known
    ]
    if not others:
        page.click("iframe")
    return any(url.startswith(f"{HUB}/user/ada/") for url in others)


def test_everybody_of_the_course(course, platform):
    course.override["lti"]["everyone"] = True
    course.deploy()
    assert not is_admin(come_in(course, platform, "mallory"))
    with pytest.raises(Refused, match="opens no account"):
        come_in(course, platform, "teacher")


def test_back_to_passwords(course, box):
    course.override["sign_in"] = "first-use"
    course.deploy()
    ada = Student(HUB, "ada", PASSWORD)
    ada.browser.verify, ada.browser.trust_env = str(course.trusted), False
    assert ada.log_in().open_server().read("mine.ipynb")["nbformat"] == 4
    assert json.loads(box.run(["cat", "/opt/course/state/configuration.json"]).stdout)["digest"]
