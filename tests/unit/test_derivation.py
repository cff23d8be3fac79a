"""Derived keys: the same for ever, another for each purpose, and understood by OpenSSH."""

import subprocess

import pytest

from coursehub.derivation import DEPLOY_KEY, FIRST_HOST_KEY, derived, identity, key_pair, key_pair_of
from coursehub.secrets import Secrets

SECRET = "lantern gravel mustard orbit seven"


def test_what_is_derived_never_changes():
    """A change would lock every course out of its server; the value was computed with OpenSSL's scrypt and
    a HMAC by hand."""
    assert identity(SECRET) == "2ca8077c"
    assert (
        key_pair(SECRET, DEPLOY_KEY).public
        == "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFptJNVi6ShihUAwrlOtsnqFDGjqgWksBbtBEaRhfMdL"
    )


def test_each_purpose_and_each_secret_has_its_own():
    keys = {derived(secret, purpose) for secret in (SECRET, SECRET + " ") for purpose in ("a", "b")}
    assert len(keys) == 4 and all(len(key) == 32 for key in keys)


def test_openssh_reads_the_key(tmp_path):
    pair = key_pair(SECRET, FIRST_HOST_KEY)
    file = tmp_path / "key"
    file.write_text(pair.private)
    file.chmod(0o600)
    shown = subprocess.run(["ssh-keygen", "-y", "-f", file], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == pair.public
    assert pair.private not in repr(pair)


KINDS = [("-t", "ed25519"), ("-t", "rsa"), ("-t", "rsa", "-m", "PEM"), ("-t", "ecdsa")]


@pytest.mark.parametrize("options", KINDS, ids=" ".join)
def test_the_public_half_of_a_given_key(tmp_path, options):
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-C", "", *options, "-f", tmp_path / "key"], check=True)
    pair = key_pair_of((tmp_path / "key").read_text())
    assert pair.public == (tmp_path / "key.pub").read_text().strip()


def test_a_text_that_is_no_key():
    with pytest.raises(ValueError):
        key_pair_of("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n")


def test_which_key_deploys(tmp_path):
    given = key_pair("another long secret of the course", DEPLOY_KEY)
    assert Secrets().deploy_key is None and Secrets().seed is None
    assert Secrets(course_secret=SECRET).deploy_key == key_pair(SECRET, DEPLOY_KEY)
    both = Secrets(course_secret=SECRET, ssh_private_key=given.private)
    assert both.deploy_key == given and both.seed == SECRET
    assert Secrets(ssh_private_key=given.private).seed == given.private


def test_the_same_sentence_however_it_was_typed():
    composed, decomposed = "café lantern gravel mustard orbit", "cafe\u0301 lantern gravel mustard orbit\n"
    one, other = (Secrets.from_environment({"COURSE_SECRET": text}) for text in (composed, decomposed))
    assert one.seed == other.seed
