"""Packages for the hub that TLJH does not bring, beside its environment: /opt/course/hub-packages/DIGEST.

A directory is complete or absent. The hub's configuration names the one that it uses; others stay, for the
last configuration that worked may name them, and they are small.
"""

from __future__ import annotations

import shutil

from coursehub.droplet.hub import ENVIRONMENTS
from coursehub.droplet.installers import from_index
from coursehub.droplet.system import COURSE, OperationFailed, run, write_atomically

PLACE = COURSE / "hub-packages"
PYTHON = ENVIRONMENTS[0] / "bin" / "python3"
TRIAL = """
import sys
sys.path.append(sys.argv[1])
import jwt, oauthlib
from ltiauthenticator.lti13.handlers import LTI13CallbackHandler
from jwt.algorithms import has_crypto
assert has_crypto, "the hub has no cryptography"
jwt.PyJWKClient("https://nobody.test", lifespan=1, timeout=1)
"""


def look(digest):
    """Whether the packages of this digest are there; None asks for none."""
    return {"ready": digest is None or (PLACE / digest).is_dir()}


def install(digest, requirements, index):
    """Put pinned and hashed `requirements` in place once the hub's own Python was seen to work with them.
    Nothing that the hub uses is touched."""
    beside = PLACE / f".{digest}"
    shutil.rmtree(beside, ignore_errors=True)
    wanted = beside / "requirements.txt"
    write_atomically(wanted, requirements)
    pip = (PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")
    try:
        run(
            [
                *(*pip, "--require-hashes", "--only-binary", ":all:", *from_index(index)),
                *("--target", beside, "--requirement", wanted),
            ],
            timeout=400,
        )
        run([PYTHON, "-c", TRIAL, beside], timeout=60)
    except OperationFailed as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise OperationFailed(
            f"what sign_in: lti needs could not be installed ({error.message}); nothing was changed",
            error.fix or "run the deploy again; if it stays, look at the words below, and at mirrors.pypi",
            error.detail,
        ) from None
    beside.rename(PLACE / digest)
