"""The sandbox's machines as droplets: first boot, metadata, volumes, snapshots, addresses, names."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from urllib.error import HTTPError
from urllib.request import urlopen

import paramiko
import pytest

from coursehub.problems import Failure
from deployments import make_key
from sandbox import host, network, services, state
from sandbox.cloud.backend import DropletSpec, Rule, VolumeRef
from sandbox.cloud.machines import Machines
from sandbox.commands import run, wait_until
from sandbox.droplets import metadata, traffic
from sandbox.droplets.records import machine_of
from sandbox.machine import Machine
from traces import traces

pytestmark = pytest.mark.sandbox
FIRST, SECOND = 1001, 1002
MEBIBYTE = 2**20
SLUG = "debian-12-x64"


def user_data(host_key: str, said: str) -> str:
    """What the product gives a droplet: its first host key, and something to see that it was applied."""
    return "#cloud-config\n" + json.dumps(
        {
            "ssh_keys": {"ed25519_private": host_key},
            "write_files": [{"path": "/root/said", "content": said}],
            "runcmd": ["cp /root/said /root/repeated"],
        }
    )


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> dict[str, tuple[str, str]]:
    """Private and public halves, by what they are for."""
    return {use: make_key(tmp_path_factory.mktemp(use)) for use in ("log-in", "host")}


@pytest.fixture(scope="module")
def cloud(sandbox) -> Machines:
    return Machines()


@pytest.fixture(scope="module")
def spec(keys) -> DropletSpec:
    return DropletSpec(
        id=FIRST,
        name="hub",
        memory=512 * MEBIBYTE,
        vcpus=64,
        disk=25 * 2**30,
        image=SLUG,
        public_keys=(keys["log-in"][1],),
        user_data=user_data(keys["host"][0], "hello"),
        volumes=(VolumeRef("vol-home", "hub-home"),),
    )


@pytest.fixture(scope="module")
def droplet(cloud, spec) -> Iterator[Machine]:
    """The droplet that all tests use; each leaves it running, with its volume attached."""
    cloud.create_volume("vol-home", 1, None)
    address = cloud.create(spec)
    box = machine_of(FIRST)
    assert box.address == address
    box.wait_until_ready()
    yield box
    for number in (FIRST, SECOND):
        cloud.destroy(number)


def inside(*argv: str, number: int = FIRST, **options) -> str:
    return machine_of(number).run(argv, **options).stdout.decode().strip()


def shell(script: str, number: int = FIRST) -> str:
    return inside("sh", "-ec", script, number=number)


def answers(address: str, port: int = 22, number: int | None = None) -> bool:
    """Whether a connection can be opened, from this computer or from inside a droplet."""
    connecting = [
        "python3",
        "-c",
        f"import socket; socket.create_connection(({address!r}, {port}), 1)",
    ]
    tried = machine_of(number).run(connecting, check=False) if number else run(connecting, check=False)
    return tried.returncode == 0


def host_key(address: str) -> list[str]:
    return run(["ssh-keyscan", "-t", "ed25519", address]).stdout.decode().split()[1:3]


def log_in(address: str, keys) -> paramiko.SSHClient:
    kind, encoded = keys["host"][1].split()[:2]
    pinned = paramiko.hostkeys.HostKeyEntry.from_line(f"{address} {kind} {encoded}")
    client = paramiko.SSHClient()
    client.get_host_keys().add(address, kind, pinned.key)
    private = paramiko.Ed25519Key.from_private_key(io.StringIO(keys["log-in"][0]))
    client.connect(address, username="root", pkey=private, look_for_keys=False, allow_agent=False)
    return client


def test_cloud_init_sets_it_up(droplet, keys):
    """The host key of user_data, the account's key for root, and what user_data has done."""
    with log_in(droplet.address, keys) as client:
        _, stdout, _ = client.exec_command(
            "whoami; hostname; cat /root/said; echo; cloud-init status --wait | tr -d ."
        )
        lines = stdout.read().decode().split()
    assert lines == ["root", "hub", "hello", "status:", "done"], lines
    assert inside("cat", "/root/repeated") == "hello"
    assert inside("sh", "-c", "ls /etc/ssh/ssh_host_*_key") == "/etc/ssh/ssh_host_ed25519_key"


def test_metadata(droplet, spec):
    reading = ["curl", "--silent", "--show-error", "--fail", "--max-time", "5"]
    place = f"http://{traffic.METADATA}/metadata/"
    assert inside(*reading, f"{place}v1/user-data") == spec.user_data
    assert inside(*reading, f"{place}v1/interfaces/public/0/ipv4/address") == droplet.address
    assert [inside(*reading, f"{place}v1/{name}") for name in ("id", "hostname")] == [str(FIRST), "hub"]
    assert "interfaces/" in inside(*reading, f"{place}v1/").splitlines()
    assert json.loads(inside(*reading, f"{place}v1.json"))["droplet_id"] == FIRST
    with pytest.raises(Failure):
        inside(*reading, f"{place}v1/unknown")
    # Who is no droplet is told nothing.
    with pytest.raises(HTTPError):
        urlopen(f"http://{network.find().gateway}:{traffic.METADATA_PORT}/metadata/v1/user-data")


def test_metadata_can_be_closed_to_students(droplet):
    """Inside, the kernel's routing rules tell users apart: root still reads, nobody else does."""
    reading = f"curl --silent --fail --max-time 5 --output /dev/null http://{traffic.METADATA}/metadata/v1/id"
    as_student = f"setpriv --reuid=65534 --clear-groups {reading}"
    shell(f"{reading} && {as_student}")
    shell(f"ip rule add to {traffic.METADATA}/32 uidrange 1-4294967294 prohibit")
    shell(f"{reading} && ! {as_student}")


def test_names(droplet, cloud):
    for address in ("192.0.2.10", "192.0.2.11"):
        cloud.set_records({"hub.course.example": address, "course.example": "192.0.2.1"})
        expected = f"{address} hub.course.example"
        wait_until(lambda wanted=expected: lookup("hub.course.example") == wanted, 2, expected)
    cloud.set_records({})
    assert lookup("hub.course.example") == ""


def lookup(name: str) -> str:
    found = machine_of(FIRST).run(["getent", "ahostsv4", name], check=False).stdout.decode()
    return f"{found.split()[0]} {name}" if found else ""


def test_firewall(droplet, cloud):
    """From this computer; among machines see test_reserved_address."""
    shell("systemd-run --unit=web python3 -m http.server 80")
    shell("systemd-run --unit=hidden python3 -m http.server 8000")
    wait_until(lambda: "LISTEN" in shell("ss -tln sport = 80") and answers(droplet.address, 8000), 10, "web")
    try:
        cloud.set_firewall(FIRST, (Rule("tcp", "22"), Rule("tcp", "80-81")))
        assert served(droplet.address, 80)
        assert not answers(droplet.address, 8000)
        assert not pings(droplet.address)
        cloud.set_firewall(FIRST, (Rule("tcp", "8000"), Rule("icmp", "0")))
        assert answers(droplet.address, 8000)
        assert not answers(droplet.address)
        assert pings(droplet.address)
        # What it asks for itself is answered, and it is not kept from talking to itself.
        assert inside("curl", "--fail", "--silent", "--max-time", "5", "http://127.0.0.1:80/") != ""
        assert inside("curl", "--silent", f"http://{traffic.METADATA}/metadata/v1/id") == str(FIRST)
    finally:
        cloud.set_firewall(FIRST, None)
    assert answers(droplet.address)


def served(address: str, port: int) -> bool:
    with urlopen(f"http://{address}:{port}/", timeout=2) as answer:
        return answer.status == 200


def pings(address: str) -> bool:
    """Whether an answer comes to an ICMP echo request, whose checksum is known: see RFC 792."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as asking:
        asking.settimeout(1)
        try:
            asking.sendto(bytes([8, 0, 0xF7, 0xFF, 0, 0, 0, 0]), (address, 0))
            return asking.recvfrom(64)[1][0] == address
        except (TimeoutError, PermissionError):  # so the kernel says that its own firewall took it
            return False


def test_volume_survives(droplet, cloud):
    """A file on it outlives a reboot, a power cut and the droplet's system disk; it is mounted at boot."""
    link = "/dev/disk/by-id/scsi-0DO_Volume_hub-home"
    assert inside("readlink", "--canonicalize", link) == "/dev/sda"
    shell(f"mkfs.ext4 -q {link}")
    shell("echo UUID=$(blkid -o value -s UUID /dev/sda) /home ext4 defaults 0 2 >/etc/fstab")
    shell("mount /home; echo kept >/home/file")
    cloud.reboot(FIRST)
    droplet.wait_until_ready()
    assert shell("findmnt --noheadings --output SOURCE /home; cat /home/file") == "/dev/sda\nkept"
    cloud.stop(FIRST)
    cloud.start(FIRST)
    droplet.wait_until_ready()
    assert shell("cat /home/file; systemctl is-active home.mount") == "kept\nactive"
    cloud.resize_volume("vol-home", 2)
    # Not while it is mounted, for which not every computer's root has the capability.
    shell("umount /home; e2fsck -fy /dev/sda >/dev/null; resize2fs /dev/sda 2>/dev/null; mount /home")
    assert shell("df --output=size -BG /home | tail -n 1").endswith("2G")
    cloud.rebuild(FIRST, SLUG)
    droplet.wait_until_ready()
    assert shell("cat /root/said; echo; ls /home; mount /dev/sda /home; cat /home/file") == "hello\nkept"


def test_snapshots(droplet, cloud, keys, spec):
    """Of a droplet and of a volume: the same one goes back, another one begins there, as an own instance."""
    shell(
        "mountpoint -q /home || mount /dev/sda /home; echo snapshot >/root/state; echo snapshot >/home/state"
    )
    assert cloud.snapshot(FIRST, "70001") > MEBIBYTE
    assert cloud.snapshot_volume("vol-home", "snap-home") > 2**18
    shell("echo later >/root/state; echo later >/home/state")
    cloud.rebuild(FIRST, "70001")
    cloud.create_volume("vol-copy", 3, "snap-home")
    other = replace(spec, id=SECOND, name="hub", image="70001", user_data="", volumes=())
    cloud.create(replace(other, volumes=(VolumeRef("vol-copy", "copy"),)))
    droplet.wait_until_ready()
    second = machine_of(SECOND)
    second.wait_until_ready()
    assert shell("cat /root/state; mount /dev/sda /home; cat /home/state") == "snapshot\nlater"
    reading = "cat /root/state; mount /dev/disk/by-id/scsi-0DO_Volume_copy /mnt; cat /mnt/state"
    assert shell(reading, SECOND) == "snapshot\nsnapshot"
    assert host_key(droplet.address) == keys["host"][1].split()[:2] != host_key(second.address)
    cloud.delete_snapshot("70001")
    with pytest.raises(Failure, match="no snapshot 70001"):
        cloud.rebuild(FIRST, "70001")
    assert droplet.is_running


def test_reserved_address(droplet, cloud):
    """It leads where it is told, while machines run, from here and from a droplet, through the firewall."""
    second = machine_of(SECOND)
    address = cloud.reserve_address()
    assert address != cloud.reserve_address()
    assert not answers(address)
    for number, box in ((FIRST, droplet), (SECOND, second)):
        cloud.assign_address(address, number)
        assert host_key(address) == host_key(box.address)
        assert answers(address, number=FIRST)
        assert answers(address, number=SECOND)
    cloud.set_firewall(SECOND, (Rule("tcp", "80"),))
    assert not answers(address)
    assert not answers(address, number=FIRST)
    assert not answers(second.address, number=FIRST)
    cloud.set_firewall(SECOND, None)
    assert answers(second.address, number=FIRST)
    cloud.assign_address(address, None)
    assert not answers(address)
    cloud.release_address(address)


def test_volume_moves_to_another_droplet(droplet, cloud):
    """While both run, and while it is still mounted; and when its droplet is destroyed."""
    shell("mountpoint -q /home || mount /dev/sda /home; echo moved >/home/file")
    with pytest.raises(Failure, match="attached to droplet-1001"):
        cloud.attach(SECOND, "vol-home", "hub-home")
    cloud.detach(FIRST, "vol-home")
    shell("! mountpoint -q /home && [ ! -e /dev/sda ] && [ ! -e /dev/disk/by-id/* ]", FIRST)
    cloud.attach(SECOND, "vol-home", "hub-home")
    assert shell("mount /dev/disk/by-id/scsi-0DO_Volume_hub-home /srv; cat /srv/file", SECOND) == "moved"
    cloud.destroy(SECOND)
    cloud.attach(FIRST, "vol-home", "hub-home")
    assert shell("mount /dev/sda /home; cat /home/file") == "moved"
    cloud.delete_volume("vol-copy")
    with pytest.raises(Failure, match="detach it first"):
        cloud.delete_volume("vol-home")


def test_resize(droplet, cloud):
    with pytest.raises(Failure, match="shut it down first"):
        cloud.resize(FIRST, 1024 * MEBIBYTE, 1, None)
    cloud.shutdown(FIRST)
    assert not droplet.is_running
    cloud.resize(FIRST, 1024 * MEBIBYTE, 1, 50 * 2**30)
    cloud.start(FIRST)
    limit = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null || true"
    assert shell(limit) == str(1024 * MEBIBYTE)
    assert machine_of(FIRST).cpus == 1.0
    assert int(shell("df --output=size -BG / | tail -n 1").strip().rstrip("G")) > 45
    machine_of(FIRST).wait_until_ready()


def test_servers_come_back(droplet, cloud):
    """A name server and a metadata server that died are there again when a droplet starts."""
    for name in ("names", metadata.SERVICE):
        for process in services.processes(name):
            os.kill(process, signal.SIGKILL)
    cloud.stop(FIRST)
    cloud.start(FIRST)
    assert [len(services.processes(name)) for name in ("names", metadata.SERVICE)] == [1, 1]


CREATING = """
from sandbox.cloud.backend import DropletSpec, VolumeRef
from sandbox.cloud.machines import Machines
cloud = Machines(binds={})
cloud.create_volume("vol", 1, None)
cloud.create(DropletSpec(1, "hub", 1 << 29, 1, 5 << 30, "debian", (), "", (VolumeRef("vol", "home"),)))
"""


def test_nothing_is_left(other_sandbox):
    """Of a droplet with volume, address, firewall and names, nor of a creation that was killed; the fixture
    looks. It stands beside the sandbox of the other tests, and takes nothing from it."""
    environment = os.environ | {"PYTHONPATH": str(state.SCRIPTS)}
    creating = subprocess.Popen([sys.executable, "-c", CREATING], env=environment)
    log = other_sandbox / "machines/droplet-1/log"
    wait_until(lambda: log.exists() or creating.poll() is not None, 60, "the start of the machine", 0.002)
    creating.kill()
    creating.wait()
    cloud = Machines(binds={})
    with pytest.raises(Failure, match="no droplet 1"):
        machine_of(1)
    cloud.create(DropletSpec(1, "hub", 1 << 29, 1, 5 << 30, SLUG, (), "", (VolumeRef("vol", "home"),)))
    cloud.set_firewall(1, (Rule("tcp", "22"),))
    cloud.assign_address(cloud.reserve_address(), 1)
    cloud.set_records({"hub.course.example": "192.0.2.10"})
    assert traces().keys() >= {"mounts", "loop devices", "links", "firewall", "control groups", "processes"}
    host.remove_all(keep_images=False)
    assert traces() == {}
