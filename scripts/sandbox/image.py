"""The root file system that machines start from: the host's own release, equipped like a new droplet.

An image is named by the hash of its recipe, so a change of the recipe makes another image, and it is built
beside and renamed, so one that is there is whole.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from coursehub.problems import Failure
from sandbox import commands, distribution, mounts, state

# What a droplet has of what a deploy touches. Not python3-venv and pip: droplets come without.
PACKAGES = (
    "ca-certificates",
    "cloud-init",
    "curl",
    "dbus",
    "git",
    "iproute2",
    "libpam-systemd",
    "openssh-server",
    "procps",
    "python3",
    "python3-cffi-backend",  # cloud-init needs it by another name, which debootstrap does not know
    "rsync",
    "sudo",
    "systemd",
    "systemd-sysv",
    "udev",
)
CERTIFICATES = "usr/local/share/ca-certificates"
# While this file is there, cloud-init's generator leaves it out of the boot: only droplets of the sandbox's
# cloud are set up by it (see droplets/first_boot.py).
CLOUD_INIT_OFF = "etc/cloud/cloud-init.disabled"
# In a container, systemd's own generator leaves the devices in /etc/fstab out, for there are no units for
# devices; for it and its option noauto see systemd.mount(5), for the arguments systemd.generator(7).
MOUNT_GENERATOR = """\
#!/bin/sh -e
[ ! -f /etc/fstab ] || while read -r what where type options _; do
    case "$what" in UUID=*|LABEL=*|/dev/*) ;; *) continue ;; esac
    case "$where,$options," in /,*|none,*|swap,*|*,noauto,*) continue ;; esac
    kind=requires order=Before=local-fs.target
    case ",$options," in *,nofail,*) kind=wants order= ;; esac
    unit=$(systemd-escape --path --suffix=mount "$where")
    printf '%s\\n' '[Unit]' SourcePath=/etc/fstab "$order" \\
        '[Mount]' "What=$what" "Where=$where" "Type=$type" "Options=$options" > "$1/$unit"
    mkdir -p "$1/local-fs.target.$kind"
    ln -sf "../$unit" "$1/local-fs.target.$kind/$unit"
done </etc/fstab
"""
FILES = {
    CLOUD_INIT_OFF: b"",
    "etc/systemd/system-generators/sandbox-mounts": MOUNT_GENERATOR.encode(),
    "etc/apt/apt.conf.d/90sandbox-timers": b'APT::Periodic::Enable "0";\n',
    "etc/default/locale": b"LANG=C.UTF-8\n",
    "etc/ssh/sshd_config.d/50-sandbox.conf": (
        b"PasswordAuthentication no\nPermitRootLogin prohibit-password\n"
    ),
}
# Runs inside the new root. Host keys and machine id are each machine's own (see identity.py).
SET_UP = """
chmod 755 /etc/systemd/system-generators/sandbox-mounts
update-ca-certificates
systemctl enable systemd-networkd.service
systemctl mask apt-daily.timer apt-daily-upgrade.timer systemd-networkd-wait-online.service \
    systemd-resolved.service console-getty.service getty@.service
rm -f /etc/ssh/ssh_host_* /etc/resolv.conf /etc/machine-id /var/lib/dbus/machine-id
apt-get clean
"""
BUILD_SECONDS = 1200
# A process that was killed takes down all it had started, mounts too, by these kernel means.
ISOLATED = (
    "setpriv", "--pdeathsig", "KILL",
    "unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child",
)  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """All that an image depends on."""

    origin: str
    codename: str
    mirror: str
    packages: tuple[str, ...]
    files: dict[str, bytes]
    set_up: str

    @property
    def key(self) -> str:
        facts = asdict(self) | {
            "files": {path: hashlib.sha256(content).hexdigest() for path, content in self.files.items()}
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def trust_environment() -> dict[str, str]:
    """Variables for programs that would not look at the distribution's bundle (uv), if the host's differs."""
    return {"SSL_CERT_FILE": f"/{distribution.BUNDLE}"} if distribution.own_certificates() else {}


def ensure() -> Path:
    """The root directory of the current image; builds it if need be (about a minute, and 500 MB)."""
    recipe = _recipe()
    image = state.images() / recipe.key
    with state.lock(state.images() / ".lock", timeout=BUILD_SECONDS, what="preparing the machines' image"):
        if not image.exists():
            _build(recipe, image)
    return image / "root"


def _recipe() -> Recipe:
    host = distribution.of_host()
    certificates = distribution.own_certificates()
    files = FILES | host.files
    for certificate in certificates:
        name = hashlib.sha256(certificate).hexdigest()[:8]
        files[f"{CERTIFICATES}/host-{name}.crt"] = certificate
    if certificates:
        # pip carries a bundle of its own.
        files["etc/pip.conf"] = f"[global]\ncert = /{distribution.BUNDLE}\n".encode()
    return Recipe(host.origin, host.codename, host.mirror, PACKAGES, files, SET_UP)


def _build(recipe: Recipe, image: Path) -> None:
    """Build `image`; the caller holds the lock, so what else is half built there is dead."""
    building = image.with_name(f".building-{image.name}")
    for abandoned in image.parent.glob(".building-*"):
        mounts.remove_tree(abandoned)
    root, cache = building / "root", image.parent / "cache"
    root.mkdir(parents=True)
    cache.mkdir(exist_ok=True)
    debootstrap = [
        *ISOLATED, "debootstrap", "--variant=minbase", f"--include={','.join(recipe.packages)}",
        f"--cache-dir={cache}", recipe.codename, str(root), recipe.mirror,
    ]  # fmt: skip
    try:
        commands.run(debootstrap, timeout=BUILD_SECONDS)
    except Failure as failure:
        log = root / "debootstrap/debootstrap.log"
        details = commands.tail(log.read_bytes()) if log.exists() else ""
        raise Failure(
            f"the machines' image could not be made from {recipe.mirror}",
            fix="see that this computer reaches the mirror: `apt-get update`",
            detail=f"{failure.detail}\n{details}",
        ) from None
    for path, content in recipe.files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    commands.run([*ISOLATED, "chroot", str(root), "sh", "-exc", recipe.set_up], timeout=300)
    building.rename(image)
