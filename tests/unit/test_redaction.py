"""What goes out in a bundle: no secret in any form, nobody's name, and still a text that can be read."""

import html
import json
from urllib.parse import quote

import pytest

from coursehub.doctor.redaction import Redaction

PASSWORD = "correct horse 'battery\" staple % ü"
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\n"
KEY += "b3BlbnNzaC1rZXktdjEAAAA\nQyNTUxOQAAACB\n-----END OPENSSH PRIVATE KEY-----\n"
SECRETS = {"HUB_ADMIN_PASSWORD": PASSWORD, "SSH_PRIVATE_KEY": KEY, "DROPLET_PASSWORD": "abc"}
PEOPLE = ["ada", "ada-lovelace", "grace", "jean.valjean", "may@school.edu", "admin", "Anne-Marie"]


@pytest.fixture
def redact():
    return Redaction(SECRETS, PEOPLE)


@pytest.mark.parametrize(
    "written",
    [
        PASSWORD,
        json.dumps(PASSWORD),
        json.dumps(PASSWORD, ensure_ascii=False),
        json.dumps(json.dumps(PASSWORD))[3:-3],
        quote(PASSWORD),
        quote(PASSWORD, safe=""),
        html.escape(PASSWORD),
        repr(PASSWORD),
    ],
)
def test_a_known_secret_goes_in_each_form(redact, written):
    done = redact(f"before {written} after")
    assert "staple" not in done and done.startswith("before") and done.endswith("after")


def test_each_line_of_a_key_goes(redact):
    done = redact("x b3BlbnNzaC1rZXktdjEAAAA y QyNTUxOQAAACB z")
    assert done == "x [SSH_PRIVATE_KEY] y [SSH_PRIVATE_KEY] z"


def test_a_short_secret_tears_no_words(redact):
    assert redact("abc abcd xabc") == "[DROPLET_PASSWORD] abcd xabc"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("c.ConfigurableHTTPProxy.auth_token = 'deadbeef99'", "deadbeef99"),
        ('{"client_secret": "s3cr3t value"}', "s3cr3t"),
        ('{\\"api_token\\": \\"abcdef12\\"}', "abcdef12"),
        ("password: hunter2", "hunter2"),
        ("secret api_token: hunter2", "hunter2"),
        ("JUPYTERHUB_API_TOKEN=0a1b2c3d", "0a1b2c3d"),
        ("Authorization: token 99aa88bb77cc", "99aa88bb77cc"),
        ("header Bearer abcdefgh12345678xyz", "abcdefgh12345678xyz"),
        ("Set-Cookie: jupyterhub-session-id=abc; Path=/", "abc;"),
        ("postgres://hub:letmein@db/x", "letmein"),
        ("GET /hub/oauth_callback?code=xyz1&state=e30k", "xyz1"),
        ("dop_v1_" + "4" * 64, "4444"),
        ("ghp_" + "a1" * 18, "a1a1"),
        ("https://hooks.slack.com/services/T1/B2/c3", "T1"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig", "eyJzdWIi"),
        ("a " + "0123456789abcdef" * 2, "0123456789abcdef"),
        (KEY.replace("b3Blbn", "another").replace("QyNT", "more"), "more"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\ncut off", "MIIE"),
    ],
)
def test_what_looks_like_a_secret_goes(redact, text, hidden):
    assert hidden not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "commit 0123456789012345678901234567890123456789",
        "jupyterhub.service: Main process exited, code=exited, status=1/FAILURE",
        "/opt/course/envs/current/bin/jupyterhub-singleuser",
        "jupyter-server 2.14.1 and jupyter-lab",
        "user@1000.service and getty@tty1.service failed",
        "chacha20-poly1305@openssh.com",
        "Canada's grade: graceful; nevada adapted",
        "[E 2026-11-30 07:00:00.000 JupyterHub app:3382]",
        "admin came from /home/ubuntu2/x".replace("/home/ubuntu2/x", "/opt"),
        "http://203.0.113.7/hub/login",
        "A mistake in secret COURSE_SECRET: could be guessed",
    ],
)
def test_what_helps_stays(redact, text):
    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ada, Ada; 'ADA'", "{ada}, {ada}; '{ada}'"),
        ("jupyter-ada.service failed", "jupyter-{ada}.service failed"),
        ("/home/jupyter-ada/x.ipynb", "/home/jupyter-{ada}/x.ipynb"),
        ("ada-lovelace", "{ada-lovelace}"),
        ("jupyter-ada-lovelace.service", "jupyter-{ada-lovelace}.service"),
        ("jupyter-ada-2dlovelace.service", "jupyter-{ada-lovelace}.service"),
        ("anne-marie", "{anne-marie}"),
        ("jean.valjean left.", "{jean.valjean} left."),
        ("by jean.valjean.", "by {jean.valjean}."),
        ("may@school.edu", "{may@school.edu}"),
        ("grace@school.edu and grace", "{grace} and {grace}"),
        ("/user/ada/lab", "/user/{ada}/lab"),
        ("302 GET /hub/ (ada@10.1.2.3) 5ms", "302 GET /hub/ ({ada}@address) 5ms"),
    ],
)
def test_people_become_numbers(redact, text, shown):
    for name in sorted(redact.numbers, key=len, reverse=True):
        shown = shown.replace("{" + name + "}", redact.numbers[name])
    assert redact(text) == shown


def test_somebody_nobody_knew_gets_a_number_too_always_the_same(redact):
    first = redact("jupyter-zoe.service")
    assert "zoe" not in first
    assert redact("/home/jupyter-zoe and /user/zoe/").count(first.split(".")[0].removeprefix("jupyter-")) == 2
    assert "eve" not in redact("eve@elsewhere.org (mallory@10.0.0.9)") + redact("/home/mallory/x")


def test_twice_is_once(redact):
    text = f"{PASSWORD} ada jupyter-zoe.service may@school.edu password=x (kim@10.0.0.1) /user/kim"
    assert redact(redact(text)) == redact(text)


def test_values_go_with_their_keys(redact):
    done = redact.value({"ada": ["jupyter-grace.service", 3, None, {"x": (PASSWORD,)}]})
    assert (
        "ada" not in json.dumps(done) and "grace" not in json.dumps(done) and "staple" not in json.dumps(done)
    )
    assert done[redact.numbers["ada"]][1:3] == [3, None]


def test_nothing_known_is_no_trouble():
    assert Redaction({}, [])("all is well") == "all is well"
