"""Messages: what NOTIFY may hold, what is sent, and receivers that hang, refuse, or answer nonsense."""

import json
import os
import socketserver
import ssl
import subprocess
import sys
import threading
import time
from base64 import b64decode
from contextlib import contextmanager
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from incident_course import Course

from certificate_maker import Maker
from coursehub.status import messages, sending
from coursehub.status.messages import LASTS, message
from coursehub.status.model import Check, Incident
from coursehub.status.notify_targets import DISCORD, JSON, MAIL, MATRIX, SLACK, TEAMS, targets_from
from sandbox.github.api import Api
from sandbox.github.repository import Repository

SECRET = "T0P-S3CRET"
EVIL = "<!channel> @everyone **x** [y](http://evil) <b> & \r\nBcc: eve@x.edu"
BEGAN = 1_800_000_000.0


def said(event="opened", **changes):
    values = {"title": "The hub is down: " + EVIL, "cause": EVIL, "done": ("restarted the hub", EVIL)}
    ended = BEGAN + 3600 if event == "ended" else None
    incident = Incident(BEGAN, "down", **(values | changes), ended=ended, issue=7)
    check = Check(BEGAN + 3600, "down", url="https://hub.school.edu", fix="run Deploy " + EVIL)
    health = {"name": "Waves " + EVIL, "timezone": "Europe/Berlin"}
    return message(event, incident, check, health, "https://github.com/a/b", "https://github.com/a/b/run")


class Receiver:
    """A web server that remembers; `answers` are statuses, or functions of the handler."""

    def __init__(self):
        self.got, self.answers, self.url = [], [], ""

    @property
    def bodies(self):
        return [json.loads(body) for _, _, _, body in self.got]


@contextmanager
def receiver():
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kept.got.append((self.command, self.path, dict(self.headers), body))
            answer = kept.answers.pop(0) if kept.answers else 200
            if callable(answer):
                answer(self)
                return
            self.send_response(answer)
            if 300 <= answer < 400:
                self.send_header("Location", f"{kept.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST = do_PUT = handle_any

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        kept.url = f"http://127.0.0.1:{server.server_port}"
        yield kept
        server.shutdown()


@pytest.fixture
def web():
    with receiver() as kept:
        yield kept


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(sending, "PAUSE", 0.05)


class MailServer(socketserver.ThreadingTCPServer):
    """Speaks just enough of SMTP. `refuse` is {command: answer}."""

    allow_reuse_address = daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), MailSession)
        self.mails, self.logins, self.refuse, self.tries = [], [], {}, 0
        self.context, self.encrypted = None, []

    @property
    def port(self):
        return self.server_address[1]


class MailSession(socketserver.StreamRequestHandler):
    def handle(self):
        self.server.tries += 1
        self.say("220 here")
        while line := self.rfile.readline():
            command, _, rest = line.decode().strip().partition(" ")
            if answer := self.server.refuse.get(command.upper()):
                self.say(answer)
                continue
            match command.upper():
                case "EHLO":
                    offered = "250-STARTTLS\r\n" if self.server.context else ""
                    self.say(f"250-here\r\n{offered}250 AUTH PLAIN")
                case "STARTTLS":
                    self.say("220 go on")
                    try:
                        line = self.server.context.wrap_socket(self.request, server_side=True)
                    except ssl.SSLError:
                        return
                    self.rfile, self.wfile = line.makefile("rb"), line.makefile("wb", buffering=0)
                case "AUTH":
                    self.server.logins.append(b64decode(rest.split()[1]).split(b"\0")[1:])
                    self.say("235 welcome")
                case "DATA":
                    self.say("354 go on")
                    lines = []
                    while (line := self.rfile.readline()) != b".\r\n":
                        lines.append(line)
                    self.server.mails.append(b"".join(lines))
                    self.server.encrypted.append(self.server.context is not None)
                    self.say("250 taken")
                case "QUIT":
                    self.say("221 bye")
                    return
                case _:
                    self.say("250 fine")

    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())


@pytest.fixture
def post_office():
    with MailServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def only(secret):
    targets, troubles = targets_from(secret)
    assert troubles == []
    (target,) = targets
    return target


@pytest.mark.parametrize(
    ("line", "kind", "host"),
    [
        ("https://hooks.slack.com/services/T0/B0/xyz", SLACK, "hooks.slack.com"),
        ("https://discord.com/api/webhooks/1/xyz", DISCORD, "discord.com"),
        ("https://school.webhook.office.com/webhookb2/x", TEAMS, "school.webhook.office.com"),
        ("https://prod-1.westeurope.logic.azure.com:443/w?sig=x", TEAMS, "prod-1.westeurope.logic.azure.com"),
        ("https://x.13.environment.api.powerplatform.com:443/p?sig=x", TEAMS, None),
        ("https://hooks.slack.com.evil.edu/x", JSON, "hooks.slack.com.evil.edu"),
        ("https://example.edu/?x=https://discord.com/api/webhooks/", JSON, "example.edu"),
        ("matrix://tok@matrix.org/!abc:matrix.org", MATRIX, "matrix.org"),
        ("smtps://u:p@mail.school.edu?from=a@x.edu&to=b@x.edu", MAIL, "mail.school.edu"),
    ],
)
def test_kinds_are_known_by_their_addresses(line, kind, host):
    target = only(line)
    assert target.kind == kind and target.host == (host or target.host)
    assert "xyz" not in repr(target) and "sig" not in repr(target) and "tok" not in repr(target)


def test_a_mail_line_is_taken_apart():
    target = only("smtp://a%40x.edu:p%23%2Fq@h:2525?from=hub@x.edu&to=a+b@x.edu,c@x.edu")
    assert (target.port, target.encrypted) == (2525, False)
    assert (target.user, target.password) == ("a@x.edu", "p#/q")
    assert target.receivers == ("a+b@x.edu", "c@x.edu")
    assert only("smtps://h?from=a@x.edu&to=b@x.edu").port == 465
    assert only("smtp://h?from=a@x.edu&to=b@x.edu").port == 587


def test_a_matrix_line_is_taken_apart():
    target = only("matrix://syt_a%2Fb@matrix.school.edu:8448/!room:school.edu")
    way = "/_matrix/client/v3/rooms/%21room%3Aschool.edu/send/m.room.message"
    assert target.address == f"https://matrix.school.edu:8448{way}"
    assert target.authorization == "Bearer syt_a/b"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (SECRET, "begins with none of"),
        (f"http://school.edu/{SECRET}", "write https://"),
        (f"https:///{SECRET}", "names no server"),
        (f"https://school.edu/{SECRET} x", "space"),
        (f"https://[{SECRET}/", "cannot be read"),
        (f"https://school.edu:{SECRET}/", "cannot be read"),
        (f"matrix://school.edu/!{SECRET}", "access token"),
        (f"matrix://{SECRET}@school.edu/#room:x", "internal ID"),
        (f"smtps://u:{SECRET}@school.edu", "from whom"),
        (f"smtps://u:{SECRET}@school.edu?from=a&to=b@x", "no mail address"),
        (f"smtps://u:{SECRET}@school.edu?from=a@x&to=b@x%0aBcc:c@x", "no mail address"),
    ],
)
def test_a_line_that_cannot_be_right_is_named_by_its_number(line, words):
    targets, troubles = targets_from(f"# ours\n\nhttps://good.edu/x\n{line}\n")
    assert [target.host for target in targets] == ["good.edu"] and len(troubles) == 1
    assert troubles[0].startswith("line 4 of the secret NOTIFY") and words in troubles[0]
    assert SECRET not in troubles[0]


def test_slack_calls_nobody():
    body = messages.slack(said())
    text = json.dumps(body)
    assert "<!" not in text and "&lt;!channel&gt;" in text and "<b>" not in text
    assert [block["type"] for block in body["blocks"]] == ["section"] * 3
    assert all(block["text"]["verbatim"] for block in body["blocks"])
    assert "<https://github.com/a/b/issues/7|Issue>" in body["blocks"][2]["text"]["text"]


def test_discord_calls_nobody():
    body = messages.discord(said())
    assert body["allowed_mentions"] == {"parse": []}
    (embed,) = body["embeds"]
    assert "\\*\\*x\\*\\*" in embed["description"] and "[y](" not in embed["description"]
    assert "[Issue](https://github.com/a/b/issues/7)" in embed["description"]
    assert embed["color"] != messages.discord(said("ended"))["embeds"][0]["color"]


def test_teams_gets_an_adaptive_card_without_markup():
    (attachment,) = messages.teams(said())["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}, "which takes no Markdown"
    assert [action["title"] for action in card["actions"]] == ["Issue", "Run"]


def test_matrix_calls_nobody_and_counts_a_message_once():
    assert messages.matrix(said())["m.mentions"] == {}
    assert said().number == said().number != said("worse").number
    assert said(LASTS).number != said("opened").number


def test_very_long_words_fit_each_receiver():
    long = said(title="x" * 9000, cause="&" * 9000, done=("*" * 9000,))
    assert all(len(block["text"]["text"]) <= 3000 for block in messages.slack(long)["blocks"])
    (embed,) = messages.discord(long)["embeds"]
    assert len(embed["description"]) <= 4096 and len(embed["title"]) <= 256
    assert len(json.dumps(messages.teams(long))) < 28_000


def test_plain_json_has_the_documented_fields(web):
    assert sending.send(said("ended"), [only(f"{web.url}/hook?key=1")]) == []
    (method, path, headers, _) = web.got[0]
    assert (method, path, headers["Content-Type"]) == ("POST", "/hook?key=1", "application/json")
    body = web.bodies[0]
    assert body["event"] == "ended" and body["state"] == "up" and body["seconds"] == 3600
    assert body["began"] == "2027-01-15T08:00:00+00:00" and body["ended"] == "2027-01-15T09:00:00+00:00"
    assert body["issue"] == "https://github.com/a/b/issues/7" and body["hub"] == "https://hub.school.edu"
    assert set(body) == {
        *("event", "course", "title", "found", "state", "cause", "fix", "done", "began", "ended", "seconds"),
        *("hub", "issue", "run"),
    }


def test_a_login_of_a_web_address_is_a_header(web):
    address = web.url.replace("http://", "http://ada:p%40ss@")
    assert sending.send(said(), [only(address)]) == []
    assert b64decode(web.got[0][2]["Authorization"].removeprefix("Basic ")) == b"ada:p@ss"


def test_matrix_is_put_with_a_token_and_a_number(web):
    place = web.url.removeprefix("http://")
    web.answers = [500]
    assert sending.send(said(), [only(f"matrix://{SECRET}@{place}/!r:x")]) == []
    assert [method for method, *_ in web.got] == ["PUT", "PUT"]
    assert web.got[0][1] == web.got[1][1], "the same message twice is one message"
    assert web.got[0][2]["Authorization"] == f"Bearer {SECRET}" and SECRET not in web.got[0][1]
    assert web.bodies[0]["msgtype"] == "m.text"


def hang(_):
    time.sleep(3)


def drip(handler):
    for _ in range(30):
        handler.wfile.write(b"H")
        time.sleep(0.1)


def nonsense(handler):
    handler.wfile.write(b"\x00\xff\r\n\r\n")


def hang_up(handler):
    handler.connection.close()


@pytest.mark.parametrize(
    ("answers", "words", "tries"),
    [
        ([500, 500], "it answered 500", 2),
        ([429, 429], "it answered 429", 2),
        ([404], "it answered 404", 1),
        ([302], "leads elsewhere", 1),
        ([307], "leads elsewhere", 1),
        ([hang, hang], "no answer within 0.5 s", 2),
        ([drip, drip], "no answer within 0.5 s", 2),
        ([nonsense, nonsense], "no answer that can be understood", 2),
    ],
)
def test_a_receiver_that_fails_is_named_without_the_secret(web, answers, words, tries):
    web.answers = list(answers)
    began = time.monotonic()
    (trouble,) = sending.send(said(), [only(f"{web.url}/{SECRET}")], patience=0.5)
    assert time.monotonic() - began < 3
    assert "line 1 of the secret NOTIFY (a web address, 127.0.0.1)" in trouble and words in trouble
    assert SECRET not in trouble and len(web.got) == tries


def test_it_is_sent_once_more_and_others_do_not_wait(web):
    web.answers = [503]
    closed = f"http://127.0.0.1:1/{SECRET}"
    targets, _ = targets_from(f"{closed}\n{web.url}/x\n")
    (trouble,) = sending.send(said(), targets)
    assert "line 1" in trouble and "no connection" in trouble and SECRET not in trouble
    assert len(web.got) == 2


def test_an_https_address_with_a_wrong_certificate_gets_nothing(web):
    secure = web.url.replace("http://", "https://")
    (trouble,) = sending.send(said(), [only(f"{secure}/{SECRET}")], patience=1)
    assert "no connection" in trouble and SECRET not in trouble and web.got == []


def test_a_mail_arrives(post_office):
    line = f"smtp://ada:p%40ss@127.0.0.1:{post_office.port}?from=hub@x.edu&to=a@x.edu,b@x.edu"
    assert sending.send(said(), [only(line)]) == []
    assert post_office.logins == [[b"ada", b"p@ss"]]
    mail = message_from_bytes(post_office.mails[0], policy=policy.default)
    assert mail["From"] == "hub@x.edu" and mail["To"] == "a@x.edu, b@x.edu"
    assert mail["Subject"].startswith("Waves") and mail["Bcc"] is None
    assert "Cause: " in mail.get_content() and "https://github.com/a/b/issues/7" in mail.get_content()


@pytest.mark.parametrize(
    ("refuse", "words", "tries"),
    [
        ({"AUTH": f"535 no {SECRET}"}, "the user or the password (535)", 1),
        ({"RCPT": "550 nobody here"}, "the receivers", 1),
        ({"MAIL": "451 later"}, "the sender (451)", 2),
        ({"DATA": "554 no"}, "(554)", 1),
    ],
)
def test_a_mail_server_that_refuses_is_named_without_the_secret(post_office, refuse, words, tries):
    post_office.refuse = refuse
    line = f"smtp://ada:{SECRET}@127.0.0.1:{post_office.port}?from=hub@x.edu&to=a@x.edu"
    (trouble,) = sending.send(said(), [only(line)])
    assert words in trouble and "(mail, 127.0.0.1)" in trouble and SECRET not in trouble
    assert post_office.tries == tries


def test_nothing_secret_goes_to_a_far_mail_server_in_the_clear(post_office, monkeypatch):
    line = f"smtp://ada:{SECRET}@127.0.0.1:{post_office.port}?from=hub@x.edu&to=a@x.edu"
    target = only(line)
    monkeypatch.setattr("coursehub.status.notify_targets.is_near", lambda host: False)
    (trouble,) = sending.send(said(), [target])
    assert "STARTTLS" in trouble and post_office.logins == [] and post_office.mails == []


@pytest.fixture
def course(tmp_path, web):
    with Api(Repository.create(tmp_path / "course.git")) as api:
        made = Course(api.repository, {"issues": "write"})
        made.environ = {"GITHUB_RUN_ID": "77", "NOTIFY": web.url}
        yield made


def events(web):
    return [body["event"] for body in web.bodies]


def test_messages_come_when_it_begins_gets_worse_and_ends(course, web):
    for state in ("up", "degraded", "degraded", "degraded", "down", "down", "unknown", "up", "up"):
        course.check(state)
    assert events(web) == ["opened", "worse", "ended"]
    assert web.bodies[0]["issue"] == "https://github.com/school/course/issues/1"


def test_and_once_a_day_while_it_lasts(course, web):
    for _ in range(4 * 24 * 2 + 2):
        course.check("down")
    assert events(web) == ["opened", "lasts", "lasts"]


def test_maintenance_and_what_healed_itself_send_nothing(course, web):
    for state, done in (("maintenance", ()), ("up", ("restarted",)), ("unknown", ()), ("none", ())):
        course.check(state, done=done)
    assert web.got == []


def test_who_could_not_be_reached_is_told_by_the_next_check(course, web):
    web.answers = [500] * 4
    course.check("down")
    assert "it answered 500" in course.troubles[0]
    course.check("down")
    course.check("down")
    course.check("down")
    assert events(web) == ["opened"] * 5 and course.troubles == ()


def test_one_of_two_that_fails_does_not_double_the_others(course, web):
    course.environ["NOTIFY"] = f"nonsense\nhttp://127.0.0.1:1/\n{web.url}"
    course.check("down")
    assert len(course.troubles) == 2
    course.check("down")
    assert events(web) == ["opened"]


def test_a_record_that_was_not_written_does_not_double_messages(course, web):
    course.check("down", keep=False)
    course.check("down")
    assert events(web) == ["opened"]


def test_without_issues_messages_come_all_the_same(course, web):
    course.github.has_issues = False
    for state in ("down", "down", "up"):
        course.check(state)
    assert events(web) == ["opened", "ended"] and web.bodies[0]["issue"] == ""


def tried(secret):
    environ = {**os.environ, "NOTIFY": secret, "PYTHONPATH": ""}
    script = Path(__file__).parents[2] / "scripts" / "notify.py"
    return subprocess.run([sys.executable, script], env=environ, capture_output=True, text=True, timeout=60)


def test_a_trial_says_what_arrived_and_what_did_not(web):
    done = tried(f"{web.url}/{SECRET}\n")
    assert done.returncode == 0 and "line 1 of the secret NOTIFY (a web address, 127.0.0.1)" in done.stdout
    assert web.bodies[0]["event"] == "trial" and "nothing is wrong" in web.bodies[0]["title"]
    web.answers = [404]
    done = tried(f"{web.url}/{SECRET}\n{SECRET}\n")
    assert done.returncode == 1 and "answered 404" in done.stderr and "line 2" in done.stderr
    assert SECRET not in done.stderr + done.stdout
    assert "NOTIFY is empty" in tried("").stderr


@pytest.fixture
def secure_post_office(post_office, tmp_path, monkeypatch):
    """One that offers STARTTLS, with a certificate of an authority that this computer trusts."""
    maker = Maker()
    (tmp_path / "chain.pem").write_text("".join(maker.issue("localhost")))
    (tmp_path / "root.pem").write_text(maker.root)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "chain.pem")
    post_office.context = context
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "root.pem"))
    return post_office


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_starttls_is_used_and_the_certificate_looked_at(secure_post_office, host):
    line = f"smtp://ada:{SECRET}@{host}:{secure_post_office.port}?from=hub@x.edu&to=a@x.edu"
    troubles = sending.send(said(), [only(line)])
    if host == "localhost":
        assert troubles == [] and secure_post_office.encrypted == [True]
        assert secure_post_office.logins == [[b"ada", SECRET.encode()]]
    else:
        assert "CERTIFICATE_VERIFY_FAILED" in troubles[0] and SECRET not in troubles[0]
        assert secure_post_office.logins == [] == secure_post_office.mails
