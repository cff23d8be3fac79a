"""A droplet's whole life, with the code that workflows run: an API that boots real machines, real volumes,
cloud-init, sshd; a student's work on them. The tests tell one story, in the order in which they stand."""

import json
import signal
import subprocess

import pytest
import requests

from account.specification import Validator, specification_file
from coursehub.derivation import FIRST_HOST_KEY, key_pair
from coursehub.names import names_from
from deployments import COURSE_SECRET, new_cloud_course
from sandbox import network, sources
from sandbox.acme import Identity, Pebble
from sandbox.cloud import Server
from sandbox.cloud.machines import Machines
from sandbox.droplets.records import machine_of
from sandbox.machine import all_machines
from sandbox.names import asking
from student import Student

pytestmark = pytest.mark.sandbox
NAMES = names_from(COURSE_SECRET)
PASSWORD = "a first password"
DOMAIN, PORT = "hub.school.test", 14030
WORK = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}


@pytest.fixture(scope="module")
def server(tmp_path_factory, software):
    folder = tmp_path_factory.mktemp("cloud")
    backend = Machines(binds=sources.binds())
    file = specification_file()
    observer = Validator(file) if file else None
    token = "dop_v1_of_the_droplets_tests"
    with Server(backend=backend, directory=folder, token=token, observer=observer) as running:
        yield running
    assert not (observer and observer.violations), "\n".join(observer.violations)


@pytest.fixture(scope="module")
def course(tmp_path_factory, server, software):
    made = new_cloud_course(tmp_path_factory.mktemp("droplet"), server, software.mirrors)
    made.override |= {"droplet": {"size": "s-1vcpu-2gb", "region": "fra1"}, "storage": {"size": "5G"}}
    return made


def droplets(server):
    return list(server.state.droplets.values())


def machine(server):
    """The machine behind the course's one droplet."""
    (droplet,) = droplets(server)
    return machine_of(droplet["id"])


def shown_key(address):
    """The host keys that sshd shows."""
    seen = subprocess.run(["ssh-keyscan", address], capture_output=True, text=True, check=True).stdout
    return {" ".join(line.split()[1:3]) for line in seen.splitlines() if not line.startswith("#")}


def test_the_plan_shows_prices_and_makes_nothing(course, server):
    planned = course.run("plan.py")
    assert planned.code == 0 and planned.result["verdict"] == "planned"
    assert "a month more" in planned.said and "$12.00" in planned.said
    assert droplets(server) == [] and not server.state.volumes


def test_killed_while_the_droplet_is_made(course, server):
    """One droplet and one volume, whatever happens."""

    def strike(title, process):
        if title.startswith("Make the droplet"):
            process.send_signal(signal.SIGKILL)
            return True
        return False

    course.interrupt(strike)
    assert len(droplets(server)) <= 1


def test_the_first_deploy(course, server):
    done = course.deploy()
    assert len(droplets(server)) == 1 and len(server.state.volumes) == 1
    student = Student(done.result["url"], "ada", PASSWORD).log_in()
    student.follow(done.result["link"])
    assert student.run_all("my-course/StartHere.ipynb") > 3
    student.write("mine.ipynb", WORK)
    machine(server).run(["mountpoint", "/home"])


def test_a_second_deploy_does_nothing(course, server):
    server.requests.clear()
    assert course.deploy().plan == []
    assert {entry.method for entry in server.requests} == {"GET"}


def test_the_first_host_key_is_gone(course, server):
    """The key in the user data was good for one connection; the account records the one that counts now."""
    first = key_pair(COURSE_SECRET, FIRST_HOST_KEY).public
    (droplet,) = droplets(server)
    shown = shown_key(machine(server).address)
    assert shown == set(NAMES.host_keys(droplet["tags"], final=True)) and first not in shown
    assert NAMES.host_keys(droplet["tags"], final=False) == ()
    found = machine(server).run(
        ["grep", "-rl", "PRIVATE KEY", "/var/lib/cloud", "/run/cloud-init"], check=False
    )
    readable = [path for path in found.stdout.decode().split() if not is_private(server, path)]
    assert readable == []


def is_private(server, path):
    mode = machine(server).run(["stat", "-c", "%a", path]).stdout.decode().strip()
    return mode.endswith("00")


def test_another_host_key_stops_the_deploy(course, server):
    box = machine(server)
    key = "/etc/ssh/ssh_host_ed25519_key"
    keep = f"mkdir /root/kept; mv {key} {key}.pub /root/kept"
    box.run(["sh", "-c", f"{keep}; ssh-keygen -q -t ed25519 -N '' -f {key}; systemctl reload ssh"])
    try:
        refused = course.run()
        assert refused.code == 1 and "another host key" in refused.said and "host-key" in refused.said
    finally:
        box.run(["sh", "-c", "mv /root/kept/* /etc/ssh; rmdir /root/kept; systemctl reload ssh"])
    assert course.deploy().plan == []


def test_students_find_their_work_on_a_rebuilt_droplet(course, server):
    before = machine(server).run(["stat", "-c", "%u:%g", "/home/jupyter-ada/mine.ipynb"]).stdout
    course.override["droplet"]["image"] = "debian-12-x64"
    assert course.deploy().plan == [], "a rebuild takes a word"
    done = course.run("deploy.py", "--allow", "rebuild")
    assert done.code == 0, done.said
    assert any(title.startswith("Rebuild") for title in done.plan)
    student = Student(done.result["url"], "ada", PASSWORD).log_in()
    student.follow(done.result["link"])
    assert student.read("mine.ipynb")["cells"] == []
    assert machine(server).run(["stat", "-c", "%u:%g", "/home/jupyter-ada/mine.ipynb"]).stdout == before
    with pytest.raises(AssertionError):
        Student(done.result["url"], "ada", "another password").log_in()


def test_a_larger_droplet(course, server):
    """Processors and memory, by hand; the next deploy proposes to go back, and waits for a word."""
    done = course.run("resize.py", "s-2vcpu-2gb")
    assert done.code == 0, done.said
    assert "the hub was away for" in done.said
    assert Student(f"http://{machine(server).address}", "ada", PASSWORD).log_in()
    later = course.deploy()
    assert later.plan == [] and later.result["held"][0]["needs"] == "downtime"


def test_archived_and_brought_back(course, server):
    """Nothing but a snapshot is left and billed; from it everybody has everything again."""
    done = course.run("archive.py", "--confirm", "My course")
    assert done.code == 0, done.said
    assert (len(server.state.droplets), len(server.state.volumes), len(server.state.snapshots)) == (0, 0, 1)
    refused = course.run("plan.py")
    assert refused.code == 1 and "archived" in refused.said and "--restore" in refused.said
    back = course.run("archive.py", "--restore")
    assert back.code == 0, back.said
    student = Student(f"http://{machine(server).address}", "ada", PASSWORD).log_in()
    student.browser.get(f"{student.hub}/hub/spawn", timeout=60)
    student.wait_for_server()
    student.browser.get(f"{student.server}/lab", timeout=60)
    assert student.read("mine.ipynb")["cells"] == []
    assert course.deploy().plan == []


def test_no_secret_is_left_anywhere(course, server, tmp_path):
    """Not in what was said, in the results, or in the account's names."""
    done = course.run("plan.py")
    kept = json.dumps(server.state.tags) + done.said + json.dumps(done.result)
    for name in ("DIGITALOCEAN_TOKEN", "COURSE_SECRET", "HUB_ADMIN_PASSWORD"):
        assert course.secrets[name] not in kept
    assert "PRIVATE KEY" not in kept


def test_a_domain_of_the_account_gets_its_record_and_a_certificate(course, server, tmp_path):
    """The record is made by the deploy, an authority finds it and comes to look, and browsers are content."""
    gateway = str(network.find().gateway)
    call(server, "POST", "domains", {"name": "school.test"})
    resolver, bundle = tmp_path / "resolv.conf", tmp_path / "trusted.pem"
    resolver.write_text(f"nameserver {gateway}\n")
    identity = Identity.make(tmp_path, gateway)
    identity.trust(machine(server))
    with Pebble(tmp_path / "pebble", identity, gateway, PORT) as authority:
        bundle.write_text(server.ca.read_text() + authority.root)
        course.secrets |= {"SSL_CERT_FILE": str(bundle), "REQUESTS_CA_BUNDLE": str(bundle)}
        course.override["mirrors"]["acme"] = authority.url
        course.override["https"] = {"email": "teacher@school.example", "domain": DOMAIN}
        course.wrapped = lambda command: asking(resolver, command)
        planned = course.run("plan.py")
        assert planned.code == 0, planned.said
        assert planned.plan[0].startswith(f"Let {DOMAIN} lead to")
        done = course.deploy()
        assert done.result["url"] == f"https://{DOMAIN}"
        (check,) = [check for check in done.result["checks"] if check["name"] == "certificate"]
        assert check["good"], check
        assert course.deploy().plan == []


def call(server, method, path, body):
    """One request to the API, as the control panel makes it."""
    headers = {"Authorization": f"Bearer {server.token}"}
    url = f"{server.url}/v2/{path}"
    answer = requests.request(method, url, json=body, headers=headers, verify=str(server.ca), timeout=30)
    assert answer.ok, answer.text


def test_destroyed_to_the_last_thing(course, server):
    """Only with the course's name, and the students' files only when told."""
    refused = course.run("destroy.py", "--volume", "--snapshots", "--confirm", "Another course")
    assert refused.code != 0 and len(droplets(server)) == 1
    done = course.run("destroy.py", "--volume", "--snapshots", "--confirm", "My course")
    assert done.code == 0, done.said
    state = server.state
    left = (state.droplets, state.volumes, state.snapshots, state.firewalls, state.reserved_ips, state.tags)
    assert "hub" not in [record["name"] for record in state.domains["school.test"]["records"]]
    assert all(not part for part in left), left
    assert machine_names() == []


def machine_names():
    return [box.name for box in all_machines() if box.droplet is not None]
