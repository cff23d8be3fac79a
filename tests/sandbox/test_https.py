"""HTTPS for real: certificate authorities that come and look, a name server, and traefik in between.

One machine, deployed once and then told one thing after another, in order. Renewal is traefik's own: it
renews at its start what has less than 30 days left, so one authority's certificates are made for 20 days and
traefik is restarted.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import time
from pathlib import Path

import pytest

from certificate_maker import Maker
from coursehub import certificates, tls
from coursehub.droplet.hub import HUB_API
from deployments import make_key, new_course
from sandbox import machine, network, sources
from sandbox.acme import RATE_LIMITED, REJECTED, Identity, Pebble, Refusing
from sandbox.commands import wait_until
from sandbox.names import NameServer

pytestmark = pytest.mark.sandbox
DOMAIN = "hub.school.test"
ELSEWHERE = "203.0.113.9"
TRY, REAL, BUSY = 14000, 14010, 14020
REPLACE = """
import json, pathlib, sys
pieces = json.loads(sys.argv[1])
stores = pathlib.Path("/opt/tljh/state/acme").rglob("*.json")
path = max(stores, key=lambda path: path.stat().st_mtime)
store = json.loads(path.read_text())
for resolver in store.values():
    for one in resolver["Certificates"]:
        one.update(pieces)
path.write_text(json.dumps(store))
"""
"""Puts another certificate in the place of the one that traefik was given last; those of other authorities
stay what they are."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("https")


@pytest.fixture(scope="module")
def identity(folder, sandbox):
    return Identity.make(folder, str(network.ensure().gateway))


@pytest.fixture(scope="module")
def names(folder, sandbox):
    with NameServer(folder / "names") as server:
        yield server


@pytest.fixture(scope="module")
def trial(folder, identity, names):
    """The authority for trying out, which browsers do not trust."""
    with Pebble(folder / "trial", identity, names.address, TRY) as authority:
        yield authority


@pytest.fixture(scope="module")
def real(folder, identity, names):
    """The authority that the tests' browser trusts."""
    with Pebble(folder / "real", identity, names.address, REAL, days=20) as authority:
        yield authority


@pytest.fixture(scope="module")
def own(folder):
    """What makes certificates of the school's own, trusted as well."""
    return Maker()


@pytest.fixture(scope="module")
def course(folder, software, names, trial, real, own, identity):
    private, public = make_key(folder)
    box = machine.create("test-https", memory="4G", cpus=2.0, authorized_keys=[public], binds=sources.binds())
    try:
        names.direct(box)
        identity.trust(box)
        made = new_course(folder, box, private, dict(software.mirrors))
        bundle = folder / "trusted.pem"
        system = Path(ssl.get_default_verify_paths().cafile or os.environ["SSL_CERT_FILE"]).read_text()
        bundle.write_text("\n".join([system, real.root, own.root]))
        made.secrets |= {"SSL_CERT_FILE": str(bundle), "REQUESTS_CA_BUNDLE": str(bundle)}
        made.override["https"] = {"email": "teacher@school.example", "domain": DOMAIN}
        made.wrapped = names.asking
        yield made
    finally:
        box.destroy()


@pytest.fixture(scope="module")
def box(course):
    return machine.find("test-https")


def ask(course, authority: str, **https) -> None:
    """Have the course ask this authority from now on."""
    course.override["mirrors"]["acme"] = authority
    course.override["https"] = {"email": "teacher@school.example", "domain": DOMAIN, **https}


def check_of(run, name: str = "certificate") -> dict:
    return next(check for check in run.result["checks"] if check["name"] == name)


def served(box) -> bytes | None:
    """The certificate that the machine shows, as DER; None while it is restarting."""
    try:
        return tls.handshake(box.address, 443, None)
    except OSError:
        return None


def test_a_domain_that_leads_elsewhere_is_told_before_anything_changes(course, names, box, real):
    ask(course, real.url)
    nothing = course.run()
    assert nothing.code == 1
    assert f"the name {DOMAIN} has no address in the DNS" in nothing.error
    assert f"name {DOMAIN}, type A, address {box.address}" in nothing.result["error"]["fix"]
    names.set(DOMAIN, ELSEWHERE)
    elsewhere = course.run()
    assert f"the name {DOMAIN} leads to {ELSEWHERE}, not to the server" in elsewhere.error
    assert box.run(["ls", "/opt"]).stdout == b"course\n", "the deploy's own lock, and no hub"


def test_a_certificate_of_the_test_service_is_issued_and_called_so(course, names, box, trial):
    names.set(DOMAIN, box.address)
    ask(course, trial.url, staging=True)
    done = course.deploy()
    assert done.result["url"] == f"https://{DOMAIN}"
    assert "a test service, which browsers do not trust" in check_of(done)["seen"]
    assert any("test service" in warning for warning in done.result["warnings"])
    assert course.deploy().plan == []


def test_the_production_authority_takes_over_and_what_is_not_encrypted_is_redirected(course, box, real):
    tried = served(box)
    ask(course, real.url)
    done = course.deploy()
    assert done.plan == ["Apply the hub's configuration"]
    assert served(box) != tried
    seen = check_of(done)["seen"]
    assert "Pebble Intermediate CA" in seen and DOMAIN in seen and "(20 days)" in seen
    assert done.result["warnings"] == []
    assert check_of(done, "http")["seen"].startswith(f"http://{DOMAIN} leads to https://{DOMAIN}/")


def test_traefik_renews_what_ends_soon(course, box, real):
    before = served(box)
    box.run(["systemctl", "restart", "traefik"])
    renewed = lambda: (now := served(box)) and now != before  # noqa: E731
    wait_until(renewed, 60, "the renewal", interval=0.5)
    box.run(["sh", "-c", f"until curl -sfo /dev/null {HUB_API}; do sleep 0.3; done"])
    again = course.deploy()
    assert again.plan == [] and check_of(again)["good"]


def test_a_certificate_that_expired_is_told_and_asked_for_anew(course, names, box, real, identity, own):
    """As after a month in which the authority could not be reached: by the watchdog's timer, without help. A
    restart alone renews it as well, so the authority is not trusted until the old one is shown."""
    names.set(DOMAIN, box.address)
    ask(course, real.url)
    course.override["health"] = {"watchdog": True}
    course.deploy()
    identity.distrust(box)
    chain, key = own.issue(DOMAIN, days=5, age=6)
    box.run(["systemctl", "stop", "coursehub-watchdog.timer", "traefik"])
    pieces = {"certificate": encoded(chain), "key": encoded(key)}
    box.run(["python3", "-c", REPLACE, json.dumps(pieces)])
    box.run(["systemctl", "start", "jupyterhub"])
    wait_until(lambda: "The school" in issuer(served(box)), 60, "the old certificate", interval=0.5)
    identity.trust(box)
    box.run(["systemctl", "start", "coursehub-watchdog.timer"])
    began = time.monotonic()
    wait_until(lambda: "Pebble" in issuer(served(box)), 300, "a new certificate", interval=0.5)
    took = time.monotonic() - began
    wait_until(lambda: any(one["what"] == "over" for one in told_by_the_watchdog(box)), 120, "its end")
    logged = [
        one for one in told_by_the_watchdog(box) if "certificate" in (one.get("name"), one.get("finding"))
    ]
    print(f"a new certificate after {took:.0f} s, load {os.getloadavg()[0]:.0f}", logged)
    assert [one["what"] for one in logged] == ["found", "did", "over"]
    assert "expired" in logged[0]["seen"] and logged[0]["why"] == "it was not renewed"
    assert logged[1]["act"] == "restart_proxy" and took < 180
    course.override["health"] = {"watchdog": False}
    course.deploy()


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def issuer(der: bytes | None) -> str:
    return str(certificates.facts(der).issuer) if der else ""


def told_by_the_watchdog(box) -> list[dict]:
    said = box.run(["cat", "/opt/course/state/watchdog.log"], check=False).stdout
    return [json.loads(line) for line in said.decode().splitlines()]


def test_an_authority_that_gives_no_more_is_explained_and_the_class_keeps_its_hub(
    course, box, identity, names
):
    before = served(box)
    with Refusing(identity, names.address, BUSY, RATE_LIMITED) as busy:
        ask(course, busy.url)
        refused = course.run()
    assert refused.code == 1
    assert "rate limit" in refused.error and "until 2031-05-06 07:08:09" in refused.error
    assert "the last good configuration is back and the hub answers" in refused.error
    assert "https.staging: true" in refused.result["error"]["fix"]
    assert len(busy.orders) == 1, "traefik must not ask again and again"
    assert same_authority(served(box), before)


def test_an_authority_that_cannot_be_reached_is_explained(course, names, box):
    ask(course, f"https://{names.address}:1/dir")
    refused = course.run()
    assert refused.code == 1
    assert f"https://{names.address}:1/dir, cannot be reached from the server" in refused.error
    assert "the hub answers" in refused.error


def test_going_back_to_a_former_authority_spends_no_certificate(course, box, trial):
    issued = trial.log.count("Issued certificate")
    ask(course, trial.url, staging=True)
    course.deploy()
    assert trial.log.count("Issued certificate") == issued == 1


def test_a_certificate_of_ones_own(course, box, own):
    chain, key = own.issue(DOMAIN)
    course.secrets |= {"HTTPS_CERTIFICATE": chain, "HTTPS_PRIVATE_KEY": key}
    ask(course, "https://nobody.test/dir")
    done = course.deploy()
    assert check_of(done)["seen"].startswith("by The school")
    assert key.splitlines()[2] not in done.said + str(done.result)
    modes = box.run(["sh", "-c", "stat -c %a:%U /opt/tljh/config/https/*"]).stdout.split()
    assert modes == [b"600:root", b"600:root"]
    assert course.deploy().plan == []
    # Nothing is left of it when the secrets are gone.
    for name in ("HTTPS_CERTIFICATE", "HTTPS_PRIVATE_KEY"):
        del course.secrets[name]


def test_a_certificate_for_the_bare_address(course, box, real):
    course.override["mirrors"]["acme"] = real.url
    course.override["https"] = {}
    done = course.deploy()
    assert done.result["url"] == f"https://{box.address}"
    assert done.result["link"].startswith(f"https://{box.address}/")
    assert box.address in check_of(done)["seen"]
    assert box.run(["ls", "/opt/tljh/config/https"]).stdout == b""
    assert course.deploy().plan == []


def test_without_a_certificate_for_the_address_the_hub_is_plain_and_says_so(course, box, identity, names):
    with Refusing(identity, names.address, BUSY, REJECTED) as strict:
        course.override["mirrors"]["acme"] = strict.url
        done = course.deploy()
        asked = len(strict.orders)
        assert asked in (1, 2), "traefik's own way to begin may be to ask twice"
        assert done.result["url"] == f"http://{box.address}"
        (warning,) = done.result["warnings"]
        assert "not encrypted" in warning and "it refuses such a name or address" in warning
        again = course.deploy()
        assert again.plan == [] and again.result["warnings"] == [warning]
        assert len(strict.orders) == asked, "an authority that refused is left in peace"


def same_authority(one: bytes, other: bytes) -> bool:
    return certificates.facts(one).issuer == certificates.facts(other).issuer
