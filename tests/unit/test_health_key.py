"""The deploy key made where nothing is installed is the deploy's own."""

from __future__ import annotations

import base64
import subprocess

import pytest

from coursehub.derivation import DEPLOY_KEY, key_pair
from coursehub.health import key
from coursehub.openssh import WrongSecret
from coursehub.secrets import Secrets
from deployments import make_key

SECRETS = ["lantern gravel mustard orbit seven", " lantern gravel 'mustard\" % orbit u\u0308 \n", "x" * 300]


def public_line(folder, private: str) -> str:
    """As OpenSSH reads it from the file."""
    file = folder / "key"
    file.touch(0o600)
    file.write_text(private)
    shown = subprocess.run(["ssh-keygen", "-y", "-f", file], capture_output=True, text=True, check=True)
    return shown.stdout.strip()


@pytest.mark.parametrize("secret", SECRETS)
def test_the_courses_own_key(tmp_path, secret):
    made = key.key_of({"COURSE_SECRET": secret, "SSH_PRIVATE_KEY": " "})
    assert public_line(tmp_path, made) == key_pair(key.composed(secret), DEPLOY_KEY).public


def test_deploys_compose_the_secret_alike():
    given = SECRETS[1]
    assert Secrets.from_environment({"COURSE_SECRET": given}).course_secret == key.composed(given)


def test_both_files_hold_the_same():
    """Byte for byte, but for the two numbers by which OpenSSH checks a passphrase, and which are random."""
    made, theirs = (blob(one) for one in (key.key_of({"COURSE_SECRET": SECRETS[0]}), of_the_deploy()))
    assert len(made) == len(theirs)
    different = [place for place, (one, other) in enumerate(zip(made, theirs, strict=True)) if one != other]
    assert not different or (different[-1] - different[0]) < 8


def blob(private: str) -> bytes:
    return base64.b64decode("".join(private.splitlines()[1:-1]))


def of_the_deploy() -> str:
    return key_pair(SECRETS[0], DEPLOY_KEY).private


def test_a_key_that_is_given_comes_first(tmp_path):
    private, public = make_key(tmp_path)
    damaged = private.replace("\n", "\\n")
    made = key.key_of({"COURSE_SECRET": SECRETS[0], "SSH_PRIVATE_KEY": damaged})
    assert made == private and public_line(tmp_path, made).split()[1] == public.split()[1]


def test_without_any_there_is_no_key():
    assert key.key_of({}) is None and key.key_of({"COURSE_SECRET": " ", "SSH_PRIVATE_KEY": "\n"}) is None


def test_what_is_no_key_is_not_shown():
    with pytest.raises(WrongSecret) as wrong:
        key.key_of({"SSH_PRIVATE_KEY": "my private words"})
    assert "my private words" not in f"{wrong.value} {wrong.value.fix}"


def test_without_openssl(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WrongSecret, match="OpenSSL"):
        key.public_half(b"\0" * 32)
