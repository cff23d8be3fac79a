"""The course's own last step of building its environment, as on Binder: https://repo2docker.readthedocs.io.

A generation's files have further names, in the cache and in other generations: whoever wrote into one of
them in place would change the environment that the class works in. So postBuild runs without rights over
any file that was there before: it may add files, and remove and replace them, but not write into them. It
owns the directories, and copies of the settings (etc and share/jupyter), which tools do write into.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import tempfile
from pathlib import Path

from coursehub.droplet.gently import run_gently
from coursehub.droplet.system import OperationFailed

TIMEOUT = 1200.0
SETTINGS = ("etc", "share/jupyter")


def run_post_build(prefix, text, progress, nobody=True):
    """Run a postBuild's text inside the generation at `prefix`. Raises OperationFailed with its words.

    Without `nobody`, whoever runs this runs it: for an environment that shares no file with others.
    """
    user = pwd.getpwnam("nobody").pw_uid if nobody else os.getuid()
    if nobody:
        lend(prefix, user)
    with tempfile.TemporaryDirectory(prefix="coursehub-") as scratch:
        script = Path(scratch, "postBuild")
        script.write_text(text)
        script.chmod(0o755)
        os.chown(scratch, user, -1)
        shell = () if text.startswith("#!") else ("bash",)
        try:
            run_gently(
                [*shell, script],
                prefix=prefix,
                timeout=TIMEOUT,
                nobody=nobody,
                progress=lambda line: progress(f"postBuild: {line}"),
                environment={"HOME": scratch, "NB_PYTHON_PREFIX": str(prefix)},
                cwd=scratch,
            )
        except OperationFailed as error:
            how = error.message.partition(" ")[2]
            raise OperationFailed(
                f"postBuild {how}; the class keeps the environment it has", "correct postBuild", error.detail
            ) from None
    if nobody:
        take_back(prefix, user)


def lend(prefix, user):
    """Give the directories, and copies of the settings, to `user`."""
    for settings in SETTINGS:
        for file in files_below(prefix / settings):
            if file.stat().st_nlink > 1:
                beside = file.with_name(f".{file.name}.own")
                shutil.copy2(file, beside)
                beside.replace(file)
            os.chown(file, user, -1)
    for folder, _, _ in os.walk(prefix):
        os.chown(folder, user, -1)


def take_back(prefix, user):
    """Make root the owner of all that `user` owns, which others must neither change nor be kept from."""
    for folder, folders, names in os.walk(prefix):
        for path in [folder, *(os.path.join(folder, name) for name in [*folders, *names])]:  # noqa: PTH118
            about = os.lstat(path)
            if about.st_uid == user:
                os.lchown(path, 0, 0)
                if not stat.S_ISLNK(about.st_mode):
                    executable = 0o111 if about.st_mode & 0o100 else 0
                    os.chmod(path, about.st_mode & 0o755 | 0o444 | executable)  # noqa: PTH101


def files_below(folder):
    """The regular files below a folder."""
    return [file for file in folder.rglob("*") if file.is_file() and not file.is_symlink()]
