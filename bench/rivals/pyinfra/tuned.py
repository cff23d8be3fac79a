"""What somebody who knows pyinfra makes of it: whatever need not be a fact of its own is looked at in one
command, and git carries the content."""

import json
import os
import shlex
from pathlib import Path

from pyinfra import host, local
from pyinfra.facts.server import Command
from pyinfra.operations import apt, files, python, server
from pyinfra.operations.util import any_changed

facts = json.loads(Path(os.environ["BENCH_FACTS"]).read_text())
password, repository = facts["password"], facts["repository"]

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

places = {
    "environment": facts["environment_program"],
    "password": password["creates"],
    "repository": repository,
}
look = "; ".join(f"test -e {shlex.quote(place)} && echo {name}" for name, place in places.items())
present = (host.get_fact(Command, command=f"{look}; true") or "").split()
if "environment" not in present:
    raise FileNotFoundError(facts["environment_program"])
if "password" not in present:
    server.shell(
        name="The teacher's first password",
        commands=[shlex.join(password["argv"])],
        _stdin=password["stdin"],
    )
if "repository" not in present:
    server.shell(
        name="A repository for the content",
        commands=[shlex.join(["git", "init", "--quiet", "--bare", "--initial-branch=main", repository])],
    )


def push():
    """Send the commits that the server does not have."""
    words = ("push", "--quiet", "--force", facts["push_to"], "main")
    local.shell(shlex.join(["git", f"--git-dir={facts['local_repository']}", *words]))


python.call(name="The content", function=push)

server.shell(
    name="Reload the hub",
    commands=["tljh-config reload proxy", "tljh-config reload hub"],
    _if=any_changed(*changes),
)
