"""The sandbox's machines are like droplets, stay within their limits, and leave nothing behind."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from coursehub.problems import Failure
from sandbox import host, network, remains, state
from sandbox.commands import run, wait_until
from sandbox.machine import Machine, all_machines, create, find
from traces import traces

pytestmark = pytest.mark.sandbox
MEMORY = 512 * 2**20


@pytest.fixture(scope="module")
def key() -> paramiko.Ed25519Key:
    private = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    return paramiko.Ed25519Key.from_private_key(io.StringIO(private.decode()))


@pytest.fixture(scope="module")
def droplet(sandbox, key) -> Machine:
    """One small machine for all tests that do not mind what others did to it."""
    keys = [f"{key.get_name()} {key.get_base64()}"]
    made = create(
        "droplet", memory="512M", cpus=1.0, disk="1G", authorized_keys=keys, environment={"A": "b c"}
    )
    yield made
    made.destroy()


def connect(droplet: Machine, key: paramiko.PKey, host_key: str) -> paramiko.SSHClient:
    kind, encoded = host_key.split()
    entry = paramiko.hostkeys.HostKeyEntry.from_line(f"{droplet.address} {kind} {encoded}")
    client = paramiko.SSHClient()
    client.get_host_keys().add(droplet.address, kind, entry.key)
    client.connect(droplet.address, username="root", pkey=key, look_for_keys=False, allow_agent=False)
    return client


def output(droplet: Machine, *argv: str) -> str:
    return droplet.run(argv).stdout.decode().strip()


def boot_id(droplet: Machine) -> str:
    return output(droplet, "cat", "/proc/sys/kernel/random/boot_id")


def test_is_a_real_machine(droplet):
    assert output(droplet, "systemctl", "is-system-running", "--wait") == "running"
    assert output(droplet, "hostname") == "droplet"
    assert output(droplet, "ps", "-p", "1", "-o", "comm=") == "systemd"
    assert droplet.run(["python3", "-c", "import ensurepip"], check=False).returncode != 0


def test_ssh_with_the_pinned_host_key(droplet, key):
    with connect(droplet, key, droplet.host_key) as client:
        _, stdout, _ = client.exec_command("whoami; echo $A")
        assert stdout.read() == b"root\nb c\n"
    other = f"{key.get_name()} {key.get_base64()}"
    with pytest.raises(paramiko.BadHostKeyException):
        connect(droplet, key, other)
    stranger = paramiko.RSAKey.generate(2048)
    with pytest.raises(paramiko.AuthenticationException):
        connect(droplet, stranger, droplet.host_key)


def test_services_have_the_environment(droplet):
    assert output(droplet, "systemd-run", "--pipe", "--wait", "--quiet", "sh", "-c", "echo $A") == "b c"


def test_two_at_once_reach_outside(droplet, make_machine):
    other = make_machine("other")
    assert other.address != droplet.address
    assert {found.name for found in all_machines()} >= {"droplet", "other"}
    # Errors, not warnings: apt-get update exits with 0 when it can reach nothing.
    update = ["apt-get", "update", "--error-on=any"]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda each: each.run(update, timeout=120), [droplet, other]))
    assert (
        output(other, "python3", "-c", f"import socket; socket.create_connection(({droplet.address!r}, 22))")
        == ""
    )


def test_nobody_outside_reaches_a_machine(droplet):
    """A neighbour on the host's network, played by a network namespace, sends packets for it to the host."""
    outside, gateway, neighbour = "ch-outside", "198.51.100.1", "198.51.100.2"
    connecting = f"import socket; socket.create_connection(({droplet.address!r}, 22), 3)"
    run(["ip", "netns", "add", outside])
    try:
        run(["ip", "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", outside])
        run(["ip", "address", "add", f"{gateway}/30", "dev", outside])
        run(["ip", "link", "set", outside, "up"])
        inside = ["ip", "-n", outside]
        run([*inside, "address", "add", f"{neighbour}/30", "dev", "eth0"])
        run([*inside, "link", "set", "eth0", "up"])
        run([*inside, "route", "add", "default", "via", gateway])
        refused = run(["ip", "netns", "exec", outside, sys.executable, "-c", connecting], check=False)
        assert b"ConnectionRefusedError" in refused.stderr
        # Yet the way works: the other way round it is the neighbour itself who has nothing at that port.
        answered = droplet.run(["python3", "-c", connecting.replace(droplet.address, neighbour)], check=False)
        assert b"ConnectionRefusedError" in answered.stderr
    finally:
        run(["ip", "netns", "delete", outside])


def test_memory_limit(droplet):
    """Who takes more than the machine has is killed; the machine lives on. It can read its limit."""
    limit_files = ["/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max"]
    limits = droplet.run(["cat", *limit_files], check=False).stdout
    assert int(limits) == MEMORY
    before = boot_id(droplet)
    greedy = droplet.run(["python3", "-c", f"b'x' * {MEMORY}"], check=False)
    assert greedy.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)
    droplet.wait_until_ready()
    assert boot_id(droplet) == before


def test_memory_limit_of_a_unit(droplet):
    unit = ["systemd-run", "--pipe", "--wait", "--quiet", "-p", "MemoryMax=50M"]
    assert droplet.run([*unit, "python3", "-c", "b'x' * (10 << 20)"]).returncode == 0
    assert droplet.run([*unit, "python3", "-c", "b'x' * (100 << 20)"], check=False).returncode != 0


@pytest.mark.parametrize(("unit", "cpus"), [([], 1.0), (["-p", "CPUQuota=30%"], 0.3)])
def test_cpu_limits(droplet, unit, cpus):
    """Two busy processes for a second use as many CPUs as they may, and no more."""
    busy = (
        "import multiprocessing as m, time\n"
        "def work(_):\n"
        " end = time.monotonic() + 1.5\n"
        " while time.monotonic() < end: pass\n"
        " return time.process_time()\n"
        "begin = time.monotonic()\n"
        "used = sum(m.Pool(2).map(work, range(2), 1))\n"
        "print(used / (time.monotonic() - begin))\n"
    )
    used = float(output(droplet, "systemd-run", "--pipe", "--wait", "--quiet", *unit, "python3", "-c", busy))
    assert used < cpus * 1.3


def test_disk_limit(droplet):
    filling = ["dd", "if=/dev/zero", "of=/root/big", "bs=1M", "count=1100"]
    full = droplet.run(filling, check=False)
    assert full.returncode == 1
    assert b"No space left on device" in full.stderr
    assert 700 * 2**20 < int(output(droplet, "stat", "--format=%s", "/root/big")) < 2**30
    droplet.run(["rm", "/root/big"])


def test_reboot_keeps_files(droplet):
    droplet.run(["sh", "-c", "echo kept > /root/kept"])
    first = boot_id(droplet)
    droplet.reboot()
    second = boot_id(droplet)
    assert second != first
    # From inside, as an upgrade or a coordinator would; it comes back by itself.
    droplet.run(["systemctl", "reboot"], check=False)

    def is_back() -> bool:
        with contextlib.suppress(Failure):
            return boot_id(droplet) != second
        return False

    wait_until(is_back, 60, "the return of the machine")
    droplet.wait_until_ready()
    assert output(droplet, "cat", "/root/kept") == "kept"


def test_pulling_the_plug_keeps_files(droplet):
    before, host_key = boot_id(droplet), droplet.host_key
    droplet.run(["sh", "-c", "echo kept > /root/plug; sleep 1000 >/dev/null 2>&1 &"])
    droplet.kill()
    assert not droplet.is_running
    with pytest.raises(OSError):
        socket.create_connection((droplet.address, 22), timeout=1)
    with pytest.raises(Failure, match="not running"):
        droplet.run(["true"])
    droplet.boot()
    assert boot_id(droplet) != before
    assert (output(droplet, "cat", "/root/plug"), droplet.host_key) == ("kept", host_key)


def test_power_off(droplet):
    droplet.power_off()
    assert not droplet.is_running
    assert droplet.group.processes() == []
    assert find("droplet") == droplet
    droplet.boot()


def test_machine_dies_with_its_supervisor(droplet):
    """No machine runs on without one who would bring it back from a reboot."""
    (supervisor,) = (remains.groups() / "droplet" / "supervisor").processes()
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: droplet.group.processes() == [], 10, "the end of the machine")
    assert not droplet.is_running
    droplet.boot()


def test_binds(make_machine, tmp_path):
    shared = tmp_path / "a:b"
    shared.mkdir()
    (shared / "file").write_text("from the host")
    box = make_machine("box", binds={str(shared): "/srv/shared"})
    assert output(box, "cat", "/srv/shared/file") == "from the host"


def test_a_machine_like_another(make_machine):
    """It has the other's files and changes its own; what makes a machine itself is new."""
    first = make_machine("first", disk="1G")
    first.run(["sh", "-c", "echo kept > /root/file; rm /etc/issue"])
    with pytest.raises(Failure, match="switch off"):
        create("second", like=first)
    own = {"host key": first.host_key, "machine id": output(first, "cat", "/etc/machine-id")}
    first.power_off()
    copies = [make_machine(name, like=first) for name in ("second", "third")]
    copies[0].run(["sh", "-c", "echo changed > /root/file"])
    copies[0].reboot()
    assert [output(copy, "cat", "/root/file") for copy in copies] == ["changed", "kept"]
    for copy in copies:
        assert copy.run(["test", "-e", "/etc/issue"], check=False).returncode == 1
        assert output(copy, "hostname") == copy.name
        assert copy.host_key not in (own["host key"], "")
        assert output(copy, "cat", "/etc/machine-id") != own["machine id"]
    assert len({copy.address for copy in (first, *copies)}) == 3
    with pytest.raises(Failure, match="like none"):
        create("fourth", like=copies[0])


def test_names(droplet):
    with pytest.raises(Failure, match="there is a machine droplet already"):
        create("droplet")
    for name in ("../x", "", "a b", "-a", "x" * 64):
        with pytest.raises(Failure, match="no name"):
            create(name)
    assert find("unknown") is None


def test_destroy_leaves_nothing(other_sandbox):
    network.ensure()
    before = traces()
    box = create("box", memory="512M", cpus=0.5, disk="512M")
    assert traces().keys() >= {"mounts", "loop devices", "links", "control groups", "nspawn", "processes"}
    box.destroy()
    after = traces()
    after.pop("control groups")  # that of the sandbox, empty
    assert after == before
    assert find("box") is None
    assert list((other_sandbox / "machines").glob("[!.]*")) == []


def test_forwarding_is_restored(other_sandbox, monkeypatch, tmp_path):
    """By the last sandbox to go. On a file for the kernel's switch, which others here need meanwhile."""
    switch = tmp_path / "ip_forward"
    switch.write_text("0\n")
    monkeypatch.setattr(network, "FORWARDING", switch)
    # Real sandboxes' bridges are none of these.
    monkeypatch.setattr(network, "WAS_OFF", "test: was 0")
    monkeypatch.setattr(network, "WAS_ON", "test: was 1")
    assert network.ensure() == network.ensure() == network.find()
    assert switch.read_text() == "1"
    with monkeypatch.context() as later:
        later.setenv(state.VARIABLE, str(other_sandbox / "later"))
        network.ensure()
    network.remove()
    assert switch.read_text() == "1"
    with monkeypatch.context() as later:
        later.setenv(state.VARIABLE, str(other_sandbox / "later"))
        network.remove()
    assert switch.read_text() == "0"


def creating(name: str) -> subprocess.Popen:
    program = f"from sandbox.machine import create; create({name!r}, disk='512M')"
    environment = os.environ | {"PYTHONPATH": str(state.SCRIPTS)}
    return subprocess.Popen([sys.executable, "-c", program], env=environment)


@pytest.mark.parametrize("step", ["machine.json", "root/etc/machine-id", "log"])
def test_interrupted_creation(other_sandbox, step):
    """Killed when it has come to `step`: the name is free, can be used again, and nothing is left over."""
    process = creating("half")
    sign = other_sandbox / "machines/half" / step
    try:
        wait_until(lambda: sign.exists() or process.poll() is not None, 60, f"the creation of {sign}", 0.002)
    finally:
        process.kill()
        process.wait()
    assert sign.exists()
    assert find("half") is None
    if step == "log":  # the furthest; the others are left to remove_all, at the fixture's end
        assert create("half").is_running


def test_two_processes_create_at_once(other_sandbox):
    processes = [creating("left"), creating("right")]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert len({box.address for box in all_machines()}) == 2
    # A machine whose directory somebody removed is found by its control group.
    left = find("left")
    (left.directory / "machine.json").unlink()
    host.remove_all()
    assert all_machines() == []


def test_check_says_what_to_do(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Failure, match="sudo"):
        host.check()
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    with pytest.raises(Failure, match=r"needs Linux; this is Darwin.*virtual machine"):
        host.check()
