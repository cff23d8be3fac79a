"""As pyinfra's documentation would have a user write it: an operation for each thing, a folder with
files.sync (https://docs.pyinfra.com/en/3.x/operations/files.html)."""

import json
import os
import shlex
from pathlib import Path

from pyinfra import host
from pyinfra.facts.files import Directory, File
from pyinfra.operations import apt, files, server
from pyinfra.operations.util import any_changed

facts = json.loads(Path(os.environ["BENCH_FACTS"]).read_text())

apt.packages(
    name="Debian packages",
    packages=facts["packages"],
    no_recommends=True,
    update=True,
    cache_time=86400,
)

changes = [
    files.put(name=f"File {file['path']}", src=file["source"], dest=file["path"], mode=file["mode"])
    for file in facts["files"]
]

if not host.get_fact(File, path=facts["environment_program"]):
    raise FileNotFoundError(facts["environment_program"])

password = facts["password"]
if not host.get_fact(File, path=password["creates"]):
    server.shell(
        name="The teacher's first password",
        commands=[shlex.join(password["argv"])],
        _stdin=password["stdin"],
    )

if not host.get_fact(Directory, path=facts["folder"] + "/.git"):
    server.shell(
        name="A repository for the content",
        commands=[shlex.join(["git", "init", "--quiet", "--initial-branch=main", facts["folder"]])],
    )

content = files.sync(name="The content", src=facts["content"], dest=facts["folder"])

server.shell(
    name="Publish the content",
    commands=["git add --all && git commit --quiet --message='The course'"],
    _chdir=facts["folder"],
    _if=content.did_change,
)

server.shell(
    name="Reload the hub",
    commands=["tljh-config reload proxy", "tljh-config reload hub"],
    _if=any_changed(*changes),
)
