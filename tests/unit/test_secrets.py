"""Secrets: what cannot be right is said without showing it; what is only badly pasted is mended."""

from __future__ import annotations

import io
import subprocess

import paramiko
import pytest

from coursehub.openssh import fingerprint
from coursehub.problems import InvalidInput
from coursehub.secrets import Secrets

PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBFvraHKV9iqFuLSlb/Trqq7RxwBjZ9zDZh3A0caKqox"
RSA_NAMED_ED25519 = "ssh-ed25519 " + "AAAAB3NzaC1yc2EAAAADAQABAAAAAQE="


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Private keys of all kinds, as ssh-keygen writes them."""
    folder = tmp_path_factory.mktemp("keys")
    kinds = {
        "ed25519": ("-t", "ed25519", "-N", ""),
        "ecdsa": ("-t", "ecdsa", "-N", ""),
        "rsa": ("-t", "rsa", "-N", ""),
        "pem": ("-t", "rsa", "-m", "PEM", "-N", ""),
        "locked": ("-t", "ed25519", "-N", "open sesame"),
        "locked pem": ("-t", "rsa", "-m", "PEM", "-N", "open sesame"),
        "pkcs8": ("-t", "rsa", "-m", "PKCS8", "-N", ""),
        "locked pkcs8": ("-t", "rsa", "-m", "PKCS8", "-N", "open sesame"),
    }
    for name, options in kinds.items():
        subprocess.run(["ssh-keygen", "-q", *options, "-f", str(folder / name)], check=True)
    return {path.name: path.read_text() for path in folder.iterdir()}


def problems_of(**environ: str):
    with pytest.raises(InvalidInput) as caught:
        Secrets.from_environment(environ)
    for value in environ.values():
        assert value.strip() not in str(caught.value)
    return caught.value.problems


MISTAKES = {
    "half a token": ("DIGITALOCEAN_TOKEN", "dop_v1_ 12ab", "whole and alone"),
    "short secret": ("COURSE_SECRET", "s3cret!", "fewer than 20"),
    "repeated secret": ("COURSE_SECRET", "abc" * 20, "could be guessed"),
    "row of keys": ("COURSE_SECRET", "qwertyuiopasdfghjklzxcvbnm", "could be guessed"),
    "well-known words": ("COURSE_SECRET", "passwordpasswordpassword1", "could be guessed"),
    "two passwords": ("DROPLET_PASSWORD", "one\ntwo", "more than one line"),
    "url": ("DROPLET_HOST", "https://hub.school.edu", "web address"),
    "user": ("DROPLET_HOST", "root@203.0.113.7", "Leave out the @"),
    "ip": ("DROPLET_HOST", "203.0.113.700", "neither an IP address nor a host name"),
    "name": ("DROPLET_HOST", "hub school edu", "neither an IP address nor a host name"),
    "port": ("DROPLET_HOST", "203.0.113.7:ssh", "port"),
    "port too large": ("DROPLET_HOST", "203.0.113.7:70000", "port"),
    "brackets": ("DROPLET_HOST", "[203.0.113.7]:22", "brackets"),
    "fingerprint": ("DROPLET_HOST_KEY", "SHA256:7cYk5tXw0LdYV0jN6rS0kU3v3J8w", "fingerprint"),
    "half a host key": ("DROPLET_HOST_KEY", PUBLIC[:40], "cut off"),
    "no base64": ("DROPLET_HOST_KEY", "ssh-ed25519 AAAA*", "damaged"),
    "another type": ("DROPLET_HOST_KEY", RSA_NAMED_ED25519, "another type"),
    "no key": ("DROPLET_HOST_KEY", "abc", "ssh-keyscan"),
    "old type": ("DROPLET_HOST_KEY", "ssh-dss AAAAB3NzaC1kc3MAAACBAP", "ssh-keyscan"),
    "authority": ("DROPLET_HOST_KEY", f"@cert-authority * {PUBLIC}", "certificate authority"),
    "private host key": ("DROPLET_HOST_KEY", "-----BEGIN OPENSSH PRIVATE KEY-----", "public key belongs"),
    "public half": ("SSH_PRIVATE_KEY", PUBLIC, "does not end in .pub"),
    "putty": ("SSH_PRIVATE_KEY", "PuTTY-User-Key-File-3: ssh-ed25519\nx", "PuTTYgen"),
    "text": ("SSH_PRIVATE_KEY", "my key", "whole file"),
    "no end": ("SSH_PRIVATE_KEY", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA", "whole file"),
    "short password": ("HUB_ADMIN_PASSWORD", "seven77", "8 characters"),
    "long password": ("HUB_ADMIN_PASSWORD", "ü" * 37, "72 bytes"),
    "space at the end": ("HUB_ADMIN_PASSWORD", "open sesame ", "space"),
    "two lines": ("HUB_ADMIN_PASSWORD", "open\nsesame", "line break"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_secret_that_cannot_be_right(name):
    variable, value, word = MISTAKES[name]
    (problem,) = problems_of(**{variable: value})
    assert problem.file == f"secret {variable}" and problem.found is None
    assert word in f"{problem.message}. {problem.fix}"


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("locked", "passphrase"),
        ("locked pem", "passphrase"),
        ("locked pkcs8", "passphrase"),
        ("pkcs8", "another format"),
    ],
)
def test_a_private_key_that_nobody_can_use(keys, name, word):
    (problem,) = problems_of(SSH_PRIVATE_KEY=keys[name])
    assert word in problem.message and "ssh-keygen" in problem.fix


def test_a_private_key_that_lost_lines(keys):
    lines = keys["ed25519"].splitlines()
    (problem,) = problems_of(SSH_PRIVATE_KEY="\n".join([*lines[:3], lines[-1]]))
    assert "cut off" in problem.message
    (problem,) = problems_of(SSH_PRIVATE_KEY="\n".join([lines[0], *lines[2:]]))
    assert "damaged" in problem.message


@pytest.mark.parametrize("name", ["ed25519", "ecdsa", "rsa", "pem"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.rstrip("\n"),
        lambda text: "\n\n  " + text.replace("\n", "\n  ") + "\n\n",
        lambda text: text.replace("\n", "\\n"),
        lambda text: text.replace("KEY-----\n", "KEY----- ").replace("\n", " "),
    ],
    ids=["as it is", "CRLF", "no last newline", "indented", "escaped", "on one line"],
)
def test_private_keys_are_mended_so_that_ssh_reads_them(keys, name, damage):
    text = Secrets.from_environment({"SSH_PRIVATE_KEY": damage(keys[name])}).ssh_private_key
    kind = {"ed25519": paramiko.Ed25519Key, "ecdsa": paramiko.ECDSAKey}.get(name, paramiko.RSAKey)
    read = kind.from_private_key(io.StringIO(text))
    assert read.get_base64() == keys[f"{name}.pub"].split()[1]


@pytest.mark.parametrize(
    "text",
    [
        PUBLIC,
        f"{PUBLIC} root@server\r\n",
        f"hub.school.edu {PUBLIC}",
        f"[203.0.113.7]:2222 {PUBLIC} comment",
        f"|1|abc=|def= {PUBLIC}",
        f"# hub:22 SSH-2.0\nhub ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQE=\n# hub:22\nhub {PUBLIC}\n",
    ],
)
def test_host_keys_in_every_form(text):
    assert Secrets.from_environment({"DROPLET_HOST_KEY": text}).host_key == PUBLIC


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("203.0.113.7\n", "203.0.113.7", 22),
        ("203.0.113.7:2222", "203.0.113.7", 2222),
        ("hub.school.edu", "hub.school.edu", 22),
        ("2001:db8::7", "2001:db8::7", 22),
        ("[2001:db8::7]", "2001:db8::7", 22),
        ("[2001:db8::7]:2222", "2001:db8::7", 2222),
        ("localhost:2222", "localhost", 2222),
    ],
)
def test_hosts_in_every_form(text, host, port):
    secrets = Secrets.from_environment({"DROPLET_HOST": text})
    assert (secrets.host, secrets.port) == (host, port)


def test_empty_means_absent():
    empty = dict.fromkeys(("DROPLET_HOST", "DROPLET_HOST_KEY", "SSH_PRIVATE_KEY", "HUB_ADMIN_PASSWORD"), "")
    assert Secrets.from_environment(empty) == Secrets.from_environment({}) == Secrets()


def test_all_mistakes_at_once():
    problems = problems_of(DROPLET_HOST="my hub", SSH_PRIVATE_KEY="my key", HUB_ADMIN_PASSWORD="y3k")
    assert [problem.file for problem in problems] == [
        "secret DROPLET_HOST",
        "secret SSH_PRIVATE_KEY",
        "secret HUB_ADMIN_PASSWORD",
    ]


COMBINATIONS = [
    ("host", {}, ["DROPLET_HOST_KEY", "SSH_PRIVATE_KEY or COURSE_SECRET"]),
    ("host", {"host_key": PUBLIC}, ["SSH_PRIVATE_KEY or COURSE_SECRET"]),
    ("host", {"droplet_password": "p", "course_secret": "c"}, ["DROPLET_HOST_KEY"]),
    ("host", {"host_key": PUBLIC, "ssh_private_key": "k"}, []),
    ("host", {"host_key": PUBLIC, "course_secret": "c"}, []),
    ("digitalocean_token", {}, ["COURSE_SECRET or SSH_PRIVATE_KEY"]),
    ("digitalocean_token", {"course_secret": "c"}, []),
]


@pytest.mark.parametrize(("given", "beside", "missing"), COMBINATIONS)
def test_what_is_needed_beside_and_missing_is_named(given, beside, missing):
    problems = Secrets(**beside).missing(given)
    assert [problem.file for problem in problems] == [f"secret {names}" for names in missing]
    assert all("is needed beside" in problem.message and problem.fix for problem in problems)


def test_each_of_several_ways_is_explained():
    (problem,) = Secrets(host_key=PUBLIC).missing("host")
    assert "SSH_PRIVATE_KEY: Set it to" in problem.fix and "Or COURSE_SECRET: Set it to" in problem.fix


def test_the_fingerprint_is_ssh_keygens(tmp_path):
    file = tmp_path / "key.pub"
    file.write_text(PUBLIC)
    shown = subprocess.run(["ssh-keygen", "-lf", file], capture_output=True, text=True, check=True)
    assert fingerprint(PUBLIC) == shown.stdout.split()[1]


def test_secrets_are_not_shown():
    secrets = Secrets.from_environment(
        {"DROPLET_HOST": "hub.school.edu", "HUB_ADMIN_PASSWORD": "open sesame"}
    )
    assert repr(secrets) == "Secrets()"
    assert secrets.hub_admin_password == "open sesame"
