"""Encryption, decided and explained without a machine; certificates are made here."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import pytest
from test_parts import MACHINE, seen_as, settings

from certificate_maker import Maker
from coursehub import certificates, tls
from coursehub.droplet import certificate
from coursehub.name_resolution import misdirection, wait_until_it_leads
from coursehub.openssh import WrongSecret
from coursehub.parts import configuration, encryption, https
from coursehub.problems import Failure, InvalidInput
from coursehub.secrets import Secrets
from coursehub.settings import Https

DOMAIN, SERVER, STRANGER = "hub.school.edu", "198.51.100.7", "203.0.113.9"
PUBLIC = "8.8.8.8"


@pytest.fixture(scope="module")
def maker():
    return Maker()


def facts_of(maker, *names, **life):
    chain, _ = maker.issue(*names, **life)
    return certificates.facts_of_pem(chain)


# What is served


@pytest.mark.parametrize(
    ("life", "good", "words"),
    [
        ({"days": 90, "age": 1}, True, "by The school for hub.school.edu, until"),
        ({"days": 90, "age": 81}, False, "ends soon"),
        ({"days": 90, "age": 91}, False, "expired"),
        ({"days": 6.7, "age": 5.5}, True, "(1 days)"),
        ({"days": 6.7, "age": 6}, False, "ends soon"),
    ],
)
def test_a_certificate_has_days_left_or_is_not_renewed(maker, life, good, words):
    check = tls.judged(DOMAIN, facts_of(maker, DOMAIN, **life), None, test_service=False)
    assert (check.good, words in check.seen) == (good, True)
    assert good or "journalctl" in check.fix


def test_a_certificate_is_for_the_name_that_students_type(maker):
    other = tls.judged(DOMAIN, facts_of(maker, "other.school.edu"), None, test_service=False)
    assert not other.good and "is for other.school.edu, not for hub.school.edu" in other.seen
    assert tls.judged(DOMAIN, facts_of(maker, "*.school.edu"), None, test_service=False).good
    assert not tls.judged("a.b.school.edu", facts_of(maker, "*.school.edu"), None, test_service=False).good
    assert tls.judged("2001:DB8:0::7", facts_of(maker, "2001:db8::7"), None, test_service=False).good


def test_traefiks_placeholder_is_no_certificate(maker):
    placeholder = replace(facts_of(maker, "x.traefik.default"), issuer="TRAEFIK DEFAULT CERT")
    check = tls.judged(DOMAIN, placeholder, "self-signed certificate", test_service=False)
    assert not check.good and "no certificate yet" in check.seen and check.fix


def test_a_test_services_certificate_is_called_so(maker):
    staging = replace(facts_of(maker, DOMAIN), issuer="Let's Encrypt (STAGING) Riddling Rhubarb R12")
    wanted = tls.judged(DOMAIN, staging, "unable to get local issuer certificate", test_service=True)
    assert wanted.good and "browsers do not trust" in wanted.seen
    unwanted = tls.judged(DOMAIN, staging, "unable to get local issuer certificate", test_service=False)
    assert not unwanted.good and "https.staging: false" in unwanted.fix


def test_what_browsers_do_not_trust_is_not_good(maker):
    check = tls.judged(
        DOMAIN, facts_of(maker, DOMAIN), "self-signed certificate in chain", test_service=False
    )
    assert not check.good and "do not trust" in check.seen and "self-signed" in check.seen


# Where the name leads


@pytest.mark.parametrize(
    ("resolved", "words", "fix"),
    [
        ([], "has no address in the DNS", f"name {DOMAIN}, type A, address {SERVER}"),
        ([STRANGER], f"leads to {STRANGER}, not to the server", f"correct the record: name {DOMAIN}"),
        ([SERVER, STRANGER], f"leads to {STRANGER}", "delete others"),
        (
            [SERVER, "2001:db8::1"],
            "IPv6 address that is not the server's: 2001:db8::1",
            "delete the AAAA record",
        ),
    ],
)
def test_a_name_that_leads_elsewhere_is_explained(resolved, words, fix):
    failure = misdirection(DOMAIN, resolved, [SERVER])
    assert words in failure.message and fix in failure.fix


@pytest.mark.parametrize("resolved", [["192.0.2.1"], [SERVER], ["192.0.2.1", "2001:DB8:0::7"]])
def test_a_reserved_address_and_the_droplets_own_both_count(resolved):
    assert misdirection(DOMAIN, resolved, ["192.0.2.1", SERVER, "2001:db8::7"]) is None


def test_a_record_that_was_just_made_is_waited_for(monkeypatch):
    monkeypatch.setattr("coursehub.name_resolution.EVERY", 0)
    answers = iter([[], [STRANGER], [SERVER]])
    wait_until_it_leads(DOMAIN, [SERVER], 60, lambda name: next(answers))
    with pytest.raises(Failure, match="has no address"):
        wait_until_it_leads(DOMAIN, [SERVER], 0, lambda name: [])


# What traefik is told


def test_each_authority_and_name_has_a_store_of_its_own():
    def resolver(chosen):
        text = chosen.files[https.RESOLVER_FILE]["text"]
        return tomllib.loads(text)["certificatesResolvers"]["letsencrypt"]["acme"]

    real = resolver(https.for_domain(DOMAIN, "a@b.org", False, None))
    trial = resolver(https.for_domain(DOMAIN, "a@b.org", True, None))
    assert real["caServer"] == "https://acme-v02.api.letsencrypt.org/directory"
    assert "staging" in trial["caServer"]
    assert real["storage"] != trial["storage"]
    two = {
        resolver(https.for_domain(DOMAIN, "a@b.org", False, f"https://ca/{one}"))["storage"] for one in "ab"
    }
    assert len(two) == 2, "two directories of one host are two authorities"
    assert real["storage"].startswith("/opt/tljh/state/acme/hub.school.edu-acme-v02.api.letsencrypt.org-")
    assert (real["tlsChallenge"], real["httpChallenge"]) == (False, {"entryPoint": "http", "delay": "5s"})
    address = resolver(https.for_address("2001:db8::7", None))
    assert (address["profile"], address["disableCommonName"], address["email"]) == ("shortlived", True, "")


def test_tljh_is_told_of_the_domain():
    config = https.for_domain(DOMAIN, "a@b.org", True, None).config
    assert config["letsencrypt"] == {"email": "a@b.org", "domains": [DOMAIN], "staging": True}


def wanting(root, **changes):
    given = {"email": None, "domain": None, "staging": False, "address_certificate": True} | changes
    return configuration.want(settings(root, https=Https(**given)), None)


@pytest.mark.parametrize(
    ("address", "mirror", "kind"),
    [
        (PUBLIC, None, "address"),
        ("10.0.0.5", None, "plain"),
        ("127.0.0.1", None, "plain"),
        ("10.0.0.5", "https://acme.school.edu/directory", "address"),
        ("hub.school.edu", None, "plain"),
    ],
)
def test_a_bare_address_gets_a_certificate_where_there_is_one(tmp_path, address, mirror, kind):
    want = wanting(tmp_path)
    want = replace(want, encryption=replace(want.encryption, mirror=mirror))
    want = configuration.prepare(want, seen_as(want), {**MACHINE, "address": address}, None)
    assert want.encryption.https.kind == kind
    warned = encryption.warnings(want.encryption, seen_as(want), address)
    scheme = "https" if kind == "address" else "http"
    assert encryption.url(want.encryption, seen_as(want), address) == f"{scheme}://{address}"
    assert bool(warned) == (kind == "plain")


def test_an_authority_that_refused_the_address_is_not_asked_again_at_once(tmp_path):
    machine = {**MACHINE, "address": PUBLIC}
    first = wanting(tmp_path)
    want = configuration.prepare(first, seen_as(first), machine, None)
    (step,) = configuration.plan(want, seen_as(first), machine)
    plain = want.files_with(https.plain())
    assert (step.parameters["host"], step.parameters["fallback"]) == (PUBLIC, plain)
    refusal = {"host": PUBLIC, "ca": https.PRODUCTION, "reason": "it said no", "at": 1.0}
    seen = seen_as(first, refusal=refusal)
    assert configuration.plan(want, seen, machine) == []
    assert encryption.url(want.encryption, seen, PUBLIC) == f"http://{PUBLIC}"
    assert "it said no" in encryption.warnings(want.encryption, seen, PUBLIC)[0]
    elsewhere = seen_as(first, refusal=refusal | {"host": "8.8.4.4"})
    assert len(configuration.plan(want, elsewhere, machine)) == 1


def served(*names, end=4e9, issuer="Let's Encrypt E7"):
    return {"issuer": issuer, "names": list(names), "end": end}


def test_the_name_is_looked_at_only_when_an_authority_will_be_asked(tmp_path):
    want = wanting(tmp_path, email="a@b.org", domain=DOMAIN)
    machine = {**MACHINE, "address": SERVER}
    seen = seen_as(want, served=served(DOMAIN), resolved=[STRANGER])
    assert configuration.prepare(want, seen, machine, None) == want
    assert configuration.plan(want, seen, machine) == []


def test_the_servers_own_view_of_the_name_counts(tmp_path, monkeypatch):
    monkeypatch.setattr("coursehub.name_resolution.wait_until_it_leads", lambda *arguments: None)
    want = wanting(tmp_path, email="a@b.org", domain=DOMAIN)
    seen = seen_as(want, resolved=[STRANGER])
    with pytest.raises(Failure, match="asked from the server"):
        configuration.prepare(want, seen, {**MACHINE, "address": SERVER}, None)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (None, "nothing is served"),
        (served("x.traefik.default", issuer="TRAEFIK DEFAULT CERT"), "no certificate yet"),
        (served(DOMAIN, end=1.0), "expired"),
        (served("other.school.edu"), "is for other.school.edu"),
    ],
)
def test_a_hub_that_lacks_its_certificate_is_put_right(tmp_path, found, words):
    want = wanting(tmp_path, email="a@b.org", domain=DOMAIN)
    (step,) = configuration.plan(want, seen_as(want, served=found), MACHINE)
    assert step.title == f"Get a certificate for {DOMAIN}"
    assert words in step.details[0]
    assert step.parameters["reload"] == "proxy"


# What an authority says

TRAEFIK = (
    "\x1b[90m2026-11-29T12:08:07Z\x1b[0m \x1b[31mERR\x1b[0m \x1b[1mUnable to obtain ACME certificate for "
    'domain\x1b[0m \x1b[36merror=\x1b[0m\x1b[31m\x1b[1m"unable to generate a certificate for the domains '
    "[{host}]: "
    '{said}"\x1b[0m\x1b[0m \x1b[36mACME CA=\x1b[0mhttps://acme-v02.api.letsencrypt.org/directory'
)
PROBLEM = "error: one or more domains had a problem:\\n[{host}] invalid authorization: acme: error: {said}"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            "acme: error: 429 :: POST :: https://x/new :: urn:ietf:params:acme:error:rateLimited :: too "
            "many certificates already issued, retry after 2026-12-01 10:00:00 UTC: see https://letsencrypt.org",
            "rate limit), until 2026-12-01 10:00:00 UTC",
        ),
        (
            PROBLEM.format(
                host=DOMAIN, said="400 :: urn:ietf:params:acme:error:dns :: DNS problem: NXDOMAIN"
            ),
            "does not find hub.school.edu in the DNS",
        ),
        (
            PROBLEM.format(
                host=DOMAIN,
                said="400 :: urn:ietf:params:acme:error:connection :: 198.51.100.7: Fetching http://"
                "hub.school.edu/.well-known/acme-challenge/x: Timeout during connect (likely firewall)",
            ),
            "could not connect to hub.school.edu on port 80",
        ),
        (
            PROBLEM.format(
                host=DOMAIN,
                said="403 :: urn:ietf:params:acme:error:unauthorized :: Invalid response from http://x: 404",
            ),
            "reached another server",
        ),
        (
            PROBLEM.format(host=DOMAIN, said="403 :: urn:ietf:params:acme:error:caa :: CAA record for x"),
            "CAA record",
        ),
        (
            "acme: error: 400 :: urn:ietf:params:acme:error:rejectedIdentifier :: The ACME server refuses",
            "refuses such a name or address",
        ),
        (
            "cannot get ACME client get directory at 'https://ca/dir': Get \\\"https://ca/dir\\\": dial tcp "
            "10.0.0.1:443: connect: connection refused",
            "https://ca/dir, cannot be reached from the server",
        ),
    ],
)
def test_an_authoritys_words_are_translated(said, words):
    journal = ["ERR falling back", TRAEFIK.replace("{host}", DOMAIN).replace("{said}", said)]
    (plain,) = certificate.told(journal)
    message, fix, detail = certificate.meaning([plain], DOMAIN, "https://ca/dir")
    assert words in message
    assert fix and detail == plain and "\x1b" not in plain


def test_silence_is_told_as_silence():
    message, fix, _ = certificate.meaning([], DOMAIN, "https://ca/dir", "there is no certificate yet")
    assert "after 90 s: there is no certificate yet" in message and fix


# A certificate of one's own


def given(chain, key):
    return Secrets.from_environment({"HTTPS_CERTIFICATE": chain, "HTTPS_PRIVATE_KEY": key})


def test_a_chain_is_put_in_order_and_line_ends_are_mended(maker):
    chain, key = maker.issue(DOMAIN)
    leaf = chain.removesuffix(maker.middle)
    mixed = given((maker.root + maker.middle + leaf).replace("\n", "\\n"), key.replace("\n", "\r\n"))
    assert mixed.https_certificate == leaf + maker.middle + maker.root
    assert mixed.https_private_key == key
    assert key.splitlines()[1] not in repr(mixed)


def test_doubts_about_a_chain(maker):
    chain, _ = maker.issue(DOMAIN)
    assert certificates.doubts(chain) == []
    assert certificates.doubts(chain.removesuffix(maker.middle)) == [certificates.ALONE]
    assert certificates.doubts(maker.root) == [certificates.SELF_ISSUED]


@pytest.mark.parametrize(
    ("make", "secret", "words"),
    [
        (lambda m: {"HTTPS_CERTIFICATE": m.issue(DOMAIN)[0]}, "HTTPS_PRIVATE_KEY", "is not set"),
        (lambda m: {"HTTPS_PRIVATE_KEY": m.issue(DOMAIN)[1]}, "HTTPS_CERTIFICATE", "is not set"),
        (lambda m: both(m, chain="MIIB…"), "HTTPS_CERTIFICATE", "not a certificate in PEM"),
        (lambda m: both(m, key="MIIB…"), "HTTPS_PRIVATE_KEY", "not a private key in PEM"),
        (lambda m: both(m, chain=m.issue(DOMAIN)[1]), "HTTPS_CERTIFICATE", "holds a private key"),
        (lambda m: both(m, chain=m.issue(DOMAIN)[0].replace("M", "", 3)), "HTTPS_CERTIFICATE", "damaged"),
        (
            lambda m: both(m, key=m.issue(DOMAIN)[1][:80] + m.issue(DOMAIN)[1][90:]),
            "HTTPS_PRIVATE_KEY",
            "damaged",
        ),
        (lambda m: both(m, key=m.issue(DOMAIN)[1]), "HTTPS_CERTIFICATE", "does not belong to the key"),
        (lambda m: both(m, days=3, age=4), "HTTPS_CERTIFICATE", "expired on"),
        (lambda m: both(m, age=-2), "HTTPS_CERTIFICATE", "is not valid before"),
    ],
)
def test_a_certificate_that_cannot_serve_is_refused_without_being_shown(maker, make, secret, words):
    environment = make(maker)
    with pytest.raises(InvalidInput) as caught:
        Secrets.from_environment(environment)
    (problem,) = caught.value.problems
    assert problem.file == f"secret {secret}" and words in problem.message and problem.fix
    for value in environment.values():
        assert value.splitlines()[-1] not in str(caught.value)


def both(maker, chain=None, key=None, **life):
    made, private = maker.issue(DOMAIN, **life)
    return {"HTTPS_CERTIFICATE": chain or made, "HTTPS_PRIVATE_KEY": key or private}


def test_a_locked_key_is_refused(maker):
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    key = load_pem_private_key(maker.issue(DOMAIN)[1].encode(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"sesame")).decode()
    with pytest.raises(WrongSecret, match="locked with a passphrase"):
        certificates.key_from(locked)


def owning(root, maker, name, domain):
    chosen = settings(root, https=Https("a@b.org" if domain else None, domain, False, True))
    return configuration.want(chosen, given(*maker.issue(name)))


def test_a_certificate_of_ones_own_must_be_for_the_domain(tmp_path, maker):
    with pytest.raises(InvalidInput, match=r"https.domain: is needed for HTTPS_CERTIFICATE"):
        owning(tmp_path, maker, DOMAIN, None)
    with pytest.raises(InvalidInput, match=r"is for other.school.edu, not for https.domain, hub.school.edu"):
        owning(tmp_path, maker, "other.school.edu", DOMAIN)


def test_the_private_key_is_sent_once_and_never_shown(tmp_path, maker):
    want = owning(tmp_path, maker, DOMAIN, DOMAIN)
    before = wanting(tmp_path)
    (step,) = configuration.plan(want, seen_as(before), MACHINE)
    key = step.secrets["private_key"]
    assert "PRIVATE KEY" in key
    assert key not in repr(step) and key.splitlines()[1] not in repr(want)
    assert {"private-key.pem", "certificate.pem"} <= {detail[2:] for detail in step.details}
    assert configuration.plan(want, seen_as(want, served=served(DOMAIN)), MACHINE) == []
    interrupted = seen_as(want, served=served(DOMAIN), applied=None)
    assert configuration.plan(want, interrupted, MACHINE)[0].secrets == {}
