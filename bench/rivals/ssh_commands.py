"""A deploy with an ssh or scp process for each command, as scripts in workflows are mostly written.

python ssh_commands.py FACTS

Each command looks before it acts; the content goes in one scp, which cannot know what has changed.
"""

import json
import shlex
import subprocess
import sys
from pathlib import Path

facts = json.loads(Path(sys.argv[1]).read_text())
OPTIONS = ["-F", "none", "-i", facts["key"], "-o", f"UserKnownHostsFile={facts['known_hosts']}"]
PORT, ROOT = str(facts["ssh_port"]), f"root@{facts['ssh_host']}"


def ssh(*command, check=True, stdin=""):
    """Run one command on the server."""
    line = ["ssh", *OPTIONS, "-p", PORT, ROOT, shlex.join(command)]
    return subprocess.run(line, check=check, input=stdin, text=True, capture_output=True)


def scp(*sources, target):
    """Copy files and folders to the server."""
    subprocess.run(["scp", "-q", "-r", *OPTIONS, "-P", PORT, *sources, f"{ROOT}:{target}"], check=True)


def packages():
    missing = [name for name in facts["packages"] if ssh("dpkg", "-s", name, check=False).returncode]
    if missing:
        ssh("apt-get", "update")
    for name in missing:
        ssh("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-q", name)


def put(file):
    """Put one file in its place; return whether it was different."""
    if ssh("cat", file["path"], check=False).stdout == Path(file["source"]).read_text():
        return False
    ssh("mkdir", "-p", str(Path(file["path"]).parent))
    scp(file["source"], target=file["path"])
    ssh("chmod", file["mode"], file["path"])
    return True


def environment():
    ssh("test", "-x", facts["environment_program"])


def password():
    order = facts["password"]
    if ssh("test", "-e", order["creates"], check=False).returncode:
        ssh(*order["argv"], stdin=order["stdin"])


def content():
    folder = facts["folder"]
    if ssh("test", "-d", f"{folder}/.git", check=False).returncode:
        ssh("git", "init", "--quiet", "--initial-branch=main", folder)
    scp(*sorted(Path(facts["content"]).iterdir()), target=folder)
    ssh("git", "-C", folder, "add", "--all")
    if ssh("git", "-C", folder, "diff", "--cached", "--quiet", check=False).returncode:
        ssh("git", "-C", folder, "commit", "--quiet", "--message=The course")


packages()
changed = [put(file) for file in facts["files"]]
environment()
password()
content()
if any(changed):
    ssh("tljh-config", "reload", "proxy")
    ssh("tljh-config", "reload", "hub")
