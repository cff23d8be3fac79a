"""A health check of servers that behave well, badly, or not at all: it always ends, and says what it saw."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from certificate_maker import Maker
from coursehub.health.bounded import within
from coursehub.health.look import PLACEHOLDER
from coursehub.health.looking import Looking
from coursehub.health.model import Hub, Limits
from hub_servers import PAGES, closed_port, hub, raw, tls_context

QUICK = Limits(whole=20, connect=1, answer=1, spacing=0, tries=2, slow=0.9)
HANGING = Limits(whole=20, connect=0.3, answer=0.3, spacing=0, tries=2)
PLAUSIBLE = 10.0
"""Seconds: with these limits, whoever takes longer hangs."""


def looked_at(port: int, limits: Limits = QUICK, controls=(), **about):
    place = {"scheme": "http", "host": "127.0.0.1", "port": port} | about
    began = time.monotonic()
    result = Looking(Hub(**place), limits, controls).run()
    assert time.monotonic() - began < PLAUSIBLE
    return result


def seen(result, name: str) -> str:
    return next(one.seen for one in result.findings if one.name == name)


def test_a_hub():
    with hub() as (port, _):
        result = looked_at(port)
    assert result.state == "up" and seen(result, "hub") == "JupyterHub 5.2.1"
    assert result.seconds < 1


def test_a_hub_that_is_down_behind_its_proxy():
    with hub({}) as (port, _):
        result = looked_at(port)
    assert result.state == "down" and "404" in result.title


def test_an_inner_error():
    with hub() as (port, pages):
        pages["/hub/login"] = (500, "<form>")
        result = looked_at(port)
    assert result.state == "down" and "status 500" in seen(result, "log-in page")
    assert seen(result, "hub") == "JupyterHub 5.2.1"


def answers(data: bytes):
    def behave(line: socket.socket) -> None:
        line.recv(1 << 16)
        line.sendall(data)
        line.shutdown(socket.SHUT_RDWR)

    return behave


def test_one_that_accepts_and_never_answers():
    with raw(lambda line: None) as port:
        result = looked_at(port, HANGING)
    assert result.state == "down"
    assert "timed out" in result.title or "no answer within" in result.title


def trickle(start: bytes):
    """Sends one byte after the other, for ever, each soon enough for a time-out of its own."""

    def behave(line: socket.socket) -> None:
        line.sendall(start)
        while True:
            time.sleep(0.05)
            line.sendall(b"x")

    return behave


TRICKLES = {
    "status": b"",
    "head": b"HTTP/1.1 200 OK\r\nX-Long: ",
    "body": b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
}


@pytest.mark.parametrize("start", TRICKLES.values(), ids=TRICKLES)
def test_one_that_sends_a_byte_now_and_then(start):
    with raw(trickle(start)) as port:
        result = looked_at(port, HANGING)
    assert result.state == "down" and "no answer within" in result.title


def test_one_that_trickles_during_the_handshake():
    with raw(trickle(b"\x16\x03\x03\x40\x00")) as port:
        result = looked_at(port, HANGING, scheme="https")
    assert result.state == "down" and "no encrypted connection" in result.title


GARBAGE = {
    "nothing": b"",
    "noise": b"\x00\xff\xfe" * 100,
    "no status": b"HTTP/1.1 many\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "endless head": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000,
    "cut short": b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n<form>",
}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE)
def test_garbage(data):
    with raw(answers(data)) as port:
        assert looked_at(port).state == "down"
        assert looked_at(port, scheme="https").state == "down"


def test_an_encrypted_port_spoken_to_plainly(tmp_path):
    with hub(tls=tls_context(tmp_path, *Maker().issue("127.0.0.1"))) as (port, _):
        assert looked_at(port).state == "down"


# Without a way there


def test_nobody_at_home():
    port = closed_port()
    with raw(lambda line: None) as control:
        controls = [("127.0.0.1", closed_port()), ("127.0.0.1", control)]
        result = looked_at(port, HANGING, controls)
        assert result.state == "down" and "refused" in result.title
    assert looked_at(port, HANGING, controls).state == "unknown"


@pytest.fixture
def resolver(monkeypatch):
    """What name resolution does for hub.school.edu: an exception to raise, or an event to wait for."""
    behaviour = {}
    real = socket.getaddrinfo

    def resolve(host, *more, **options):
        if host != "hub.school.edu":
            return real(host, *more, **options)
        if event := behaviour.get("event"):
            event.wait(30)
        raise behaviour.get("error", socket.gaierror(socket.EAI_NONAME, "Name or service not known"))

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    yield behaviour
    if event := behaviour.get("event"):
        event.set()


@pytest.mark.parametrize("hangs", [False, True])
def test_a_name_that_is_not_known(resolver, hangs):
    if hangs:
        resolver["event"] = threading.Event()
    with raw(lambda line: None) as control:
        controls = [("127.0.0.1", control)]
        result = looked_at(80, HANGING, controls, host="hub.school.edu")
        assert result.state == "down" and result.title.startswith("The hub is down: name: hub.school.edu")
    assert looked_at(80, HANGING, controls, host="hub.school.edu").state == "unknown"


def test_no_name_at_all_is_resolved(resolver):
    controls = [("hub.school.edu", 443)]
    assert looked_at(80, HANGING, controls, host="hub.school.edu").state == "unknown"


def test_what_cannot_be_a_name():
    result = looked_at(80, HANGING, host="a" * 80 + ".edu")
    assert result.state == "unknown" and [one.name for one in result.findings] == ["name"]


def test_the_whole_run_ends(resolver):
    resolver["event"] = threading.Event()
    began = time.monotonic()
    limits = Limits(whole=0.3, connect=20, answer=20)
    result = Looking(Hub("http", "hub.school.edu", 80), limits, []).run()
    assert time.monotonic() - began < PLAUSIBLE
    assert result.state == "unknown"


def test_a_failing_try_is_repeated():
    """The hub comes back between two tries, as after a restart."""
    with hub({}) as (port, pages):
        result = Looking(
            Hub("http", "127.0.0.1", port), Limits(), [], sleep=lambda _: pages.update(PAGES)
        ).run()
    assert result.state == "up"
    assert any("1 of 3 tries" in one.seen for one in result.findings)


# Encrypted


@pytest.fixture
def maker(tmp_path, monkeypatch):
    """An authority that this computer trusts."""
    made = Maker()
    file = tmp_path / "root.pem"
    file.write_text(made.root)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return made


def looked_at_encrypted(folder, pair, host="127.0.0.1", plain=True):
    with (
        hub(tls=tls_context(folder, *pair)) as (port, _),
        hub({"/hub/login": (301, "https://hub.school.edu/hub/login")}) as (plain_port, _),
    ):
        plain_port = plain_port if plain else closed_port()
        return looked_at(port, scheme="https", host=host, plain_port=plain_port)


def test_an_encrypted_hub(tmp_path, maker):
    result = looked_at_encrypted(tmp_path, maker.issue("127.0.0.1"))
    assert result.state == "up" and seen(result, "certificate") == "by The school, for 89 more days"
    assert seen(result, "way from http") == "leads to https"


def test_no_way_from_http(tmp_path, maker):
    result = looked_at_encrypted(tmp_path, maker.issue("127.0.0.1"), plain=False)
    assert result.state == "degraded" and "way from http" in result.title


def test_a_certificate_that_is_soon_over(tmp_path, maker):
    result = looked_at_encrypted(tmp_path, maker.issue("127.0.0.1", days=90, age=85))
    assert result.state == "degraded" and "for 5 more days, and is not renewed" in result.title


def test_a_certificate_that_expired(tmp_path, maker):
    result = looked_at_encrypted(tmp_path, maker.issue("127.0.0.1", days=90, age=91))
    assert result.state == "down" and "certificate has expired" in result.title
    assert seen(result, "hub") == "JupyterHub 5.2.1", "what else works is still told"


def test_a_certificate_for_another_name(tmp_path, maker):
    result = looked_at_encrypted(tmp_path, maker.issue("other.edu"))
    assert result.state == "down" and "mismatch" in result.title


def test_an_unknown_authority(tmp_path, maker):
    result = looked_at_encrypted(tmp_path, Maker().issue("127.0.0.1"))
    assert result.state == "down" and "do not trust" in result.title


def test_the_proxys_placeholder(tmp_path, maker):
    result = looked_at_encrypted(tmp_path, Maker().issue(PLACEHOLDER.decode()))
    assert result.state == "down" and "TRAEFIK DEFAULT CERT" in result.title


def test_an_address_by_http_that_leads_to_https(tmp_path, maker):
    with (
        hub(tls=tls_context(tmp_path, *maker.issue("127.0.0.1"))) as (port, _),
        hub({"/hub/api/": (307, f"https://127.0.0.1:{port}/hub/api/")}) as (plain, _),
    ):
        result = looked_at(plain)
    assert result.state == "up" and result.url == f"https://127.0.0.1:{port}"


def test_another_hubs_address_is_not_followed():
    with hub({"/hub/api/": (307, "https://elsewhere.example/hub/api/")}) as (port, _):
        assert looked_at(port).state == "down"


def test_a_mistake_of_our_own_is_not_taken_for_a_hub_that_is_down(monkeypatch):
    monkeypatch.setattr("coursehub.health.looking.look", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        looked_at(80)


def test_within():
    assert within(5, lambda: 7) == 7
    with pytest.raises(KeyError):
        within(5, lambda: {}["x"])
    with pytest.raises(TimeoutError, match=r"within 0\.1 s"):
        within(0.1, threading.Event().wait)
