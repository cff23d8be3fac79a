"""Whether a deploy has to run the notebooks first: not in a copy that cannot deploy yet, nor if a person said
so. Files that have passed as they are need not run again; which they are is told as one hash."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping

from ..problems import Failure
from .gate import given, is_ready
from .standalone import Said

FILES = ("content", "shared-data", "course.yml", "environment.yml", "environment.lock", "postBuild")
"""All that can make a notebook fail that did not; git's names for them change with their bytes and names."""
PATIENCE = 60


def decide(environ: Mapping[str, str]) -> Said:
    """The outputs `due`, "true" or "false", and `files`. Raises Failure when git does not answer."""
    if not is_ready(given(environ)):
        return Said("", outputs={"due": "false"})
    if environ.get("SKIP_NOTEBOOKS") == "true":
        return Said("The notebooks were not run, as asked for", outputs={"due": "false"}, noticed=True)
    return Said("", outputs={"due": "true", "files": hash_of(listing())})


def listing() -> str:
    """Git's names for the FILES of the commit that is checked out."""
    command = ["git", "ls-tree", "HEAD", "--", *FILES]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip()
        raise Failure(f"git could not say which files these are: {said}", "run the workflow again") from error
    return done.stdout


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
