"""A host key that nobody but the server has ever had, in place of the first one, which came with user_data.

In two steps, so that the workflow can record the new key in between: whoever connects afterwards finds the
old key or the new one, and trusts both. sshd reads the private key's file for each connection (before
OpenSSH 9.8) or when it is reloaded (since), so the rename is the moment of change, and sshd is only told
to read again. PREPARED is removed last: while it is there, something may be left to do.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from coursehub.droplet import sshd
from coursehub.droplet.system import OperationFailed, run, wait_for, write_atomically

FOLDER = Path("/etc/ssh")
KEY = FOLDER / "ssh_host_ed25519_key"
PREPARED = FOLDER / "coursehub_host_ed25519_key.new"
CLOUD_INIT = Path("/etc/cloud/cloud.cfg.d")
COPIES = (Path("/var/lib/cloud"), Path("/run/cloud-init"))
"""Where cloud-init keeps user_data, as it came and as it understood it: user-data.txt, cloud-config.txt,
obj.pkl, instance-data.json and others (https://docs.cloud-init.io/en/latest/reference/faq.html)."""
LARGEST_COPY = 16 << 20
PATIENCE = 20.0

SSHD_FILE = "00-coursehub-host-key.conf"
SSHD_TEXT = f"# Written by coursehub: the server has this host key and no other.\nHostKey {KEY}\n"
# See https://docs.cloud-init.io/en/latest/reference/modules.html#ssh. Sorts last, for there the last wins.
CLOUD_FILE = "99-coursehub-host-key.cfg"
CLOUD_TEXT = """\
# Written by coursehub: the host key is the server's own.
ssh_deletekeys: false
ssh_genkeytypes: []
"""


def prepare():
    """Make the new host key, or find the one made before, and return its public half. Nothing uses it yet."""
    if not PREPARED.exists():
        with tempfile.TemporaryDirectory(dir="/run") as folder:
            made = Path(folder) / "key"
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", made], timeout=30)
            write_atomically(PREPARED, made.read_bytes(), 0o600)
            synchronize()
    return {"public": public_half(PREPARED)}


def activate(public):
    """Make the prepared key the only host key, for good. `public` says which one is meant.

    Everything that can fail comes before the rename: until then sshd shows the old key, from then on the
    new one, whatever happens.
    """
    if not PREPARED.exists() and public_half(KEY) == public:
        return
    if not PREPARED.exists() or public_half(PREPARED) != public:
        raise OperationFailed("the server has prepared another host key than this", "run the deploy again")
    if CLOUD_INIT.is_dir():
        write_atomically(CLOUD_INIT / CLOUD_FILE, CLOUD_TEXT)
    sshd.configure(SSHD_FILE, SSHD_TEXT, {"hostkey": [str(KEY)]})
    for other in set(FOLDER.glob("ssh_host_*_key*")) - {KEY, Path(f"{KEY}.pub")}:
        other.unlink()
    if public_half(KEY) != public:
        blacken_copies(KEY.read_text())
        put_in_place()
    write_atomically(f"{KEY}.pub", public + "\n")
    sshd.reload()
    problem = wait_for(lambda: not_shown(public), seconds=PATIENCE)
    if problem:
        raise OperationFailed(problem, "run the deploy again")
    PREPARED.unlink()


def put_in_place():
    """Give the prepared key the host key's name; it keeps its own as well. The old public half goes first,
    so that halves of different keys are never together."""
    beside = KEY.with_name(f".{KEY.name}.coursehub")
    beside.unlink(missing_ok=True)
    os.link(PREPARED, beside)
    Path(f"{KEY}.pub").unlink(missing_ok=True)
    beside.replace(KEY)
    synchronize()


def synchronize():
    """Have the folder's entries on the disk: whoever is told of a key must find it after a power cut."""
    descriptor = os.open(FOLDER, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def public_half(path):
    """The public half of a private key file as "type base64"."""
    return " ".join(run(["ssh-keygen", "-y", "-f", path], timeout=30).stdout.split()[:2])


def not_shown(public):
    """None when sshd proves itself with this key to whoever connects now, else what it shows."""
    _, _, address, port = (os.environ.get("SSH_CONNECTION") or "- - 127.0.0.1 22").split()
    shown = run(["ssh-keyscan", "-T", "5", "-p", port, address], timeout=30, check=False).stdout
    keys = {" ".join(line.split()[1:3]) for line in shown.splitlines() if not line.startswith("#")}
    return None if keys == {public} else f"sshd shows {', '.join(sorted(keys)) or 'no host key'} still"


def blacken_copies(private):
    """Make the private key illegible wherever cloud-init keeps it, and those files root's alone.

    The lines of the key are overwritten in place with as many other characters: cloud-init's files keep
    their form (one of them is a pickle), a full disk does not matter, and an interruption leaves no more
    than what is still to be done.
    """
    lines = [line for line in private.split("\n") if len(line) > 16 and not line.startswith("-----")]
    for path in (path for folder in COPIES for path in folder.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST_COPY:
            continue
        data = before = path.read_bytes()
        for line in lines:
            data = data.replace(line.encode(), b"x" * len(line))
        if data != before:
            path.chmod(0o600)
            with path.open("r+b") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
