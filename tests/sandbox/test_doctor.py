"""What a coordinator is told when something is odd: the cause and what to do, and a bundle to ask with.

The tests of this file tell one story, in order, on one machine.
"""

import json
import tarfile

import pytest

from coursehub.doctor.redaction import forms_of
from deployments import ADMIN, ADMIN_PASSWORD
from sandbox.commands import wait_until
from student import in_the_middle

pytestmark = pytest.mark.sandbox
SNIPPETS = "/opt/tljh/config/jupyterhub_config.d"


@pytest.fixture(scope="module")
def examined(make_deployed):
    course, box = make_deployed("test-doctor")
    course.override["health"] = {"watchdog": True}
    course.deploy()
    return course, box


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return tmp_path_factory.mktemp("bundle") / "doctor.tar.gz"


def examine(course, *options: str):
    done = course.run("doctor.py", *(options or ("--no-bundle",)))
    print(done.said)
    return done


def headline(done) -> str:
    return next(line for line in done.said.splitlines() if not line.endswith(" …"))


def levels(done, key: str) -> dict[str, str]:
    (section,) = [one for one in done.result["sections"] if one["key"] == key]
    return {one["name"]: one["level"] for one in section["findings"]}


def test_a_healthy_hub_is_said_to_be_so_and_nothing_is_changed(examined):
    course, box = examined
    before = box.run(["cat", "/opt/course/audit.log"]).stdout
    with in_the_middle(f"http://{box.address}") as kernel:
        done = examine(course)
        assert kernel.run("kept") == "7"
    assert done.code == 0 and headline(done).startswith("Nothing is wrong"), done.said
    assert done.result["verdict"] == "well"
    assert levels(done, "inside")["hub"] == levels(done, "outside")["hub"] == "good"
    assert "a deploy: would change nothing" in done.said and "the watchdog: would do nothing" in done.said
    assert box.run(["cat", "/opt/course/audit.log"]).stdout == before


def test_a_configuration_that_keeps_the_hub_from_starting_is_named(examined, bundle):
    course, box = examined
    box.run(["systemctl", "stop", "coursehub-watchdog.timer"])
    box.run(["sh", "-c", f"echo 'raise RuntimeError(\"ada has 42\")' > {SNIPPETS}/mine.py"])
    box.run(["systemctl", "restart", "--no-block", "jupyterhub"])
    shown = ["systemctl", "show", "jupyterhub", "--property=NRestarts", "--value"]
    wait_until(lambda: int(box.run(shown).stdout) >= 3, 90, "it crashes", interval=0.5)
    done = examine(course, "--bundle", str(bundle))
    box.run(["rm", f"{SNIPPETS}/mine.py"])
    box.run(["systemctl", "restart", "jupyterhub"])
    assert done.code == 1
    assert f"{SNIPPETS}/mine.py" in headline(done) and "RuntimeError" in headline(done)
    assert "What to do" in done.said.split(headline(done))[1].splitlines()[1]


def test_the_bundle_has_everything_but_secrets_and_names(examined, bundle):
    course, _ = examined
    assert bundle.stat().st_mode & 0o777 == 0o600
    with tarfile.open(bundle) as archive:
        texts = {one.name: archive.extractfile(one).read().decode() for one in archive}
    names = {name.split("/")[1] for name in texts}
    assert {"diagnosis.txt", "versions.txt", "3-outside.txt", "4-inside-server-journal.txt"} <= names
    whole = "\n".join(texts.values())
    assert "RuntimeError: person-" in whole
    for name, secret in course.secrets.items():
        if name not in ("REQUESTS_CA_BUNDLE",):
            assert not [form for form in forms_of(secret) if form in whole], name
    assert "PRIVATE KEY" not in whole and ADMIN_PASSWORD not in whole
    for person in ("ada", "grace", ADMIN):
        assert f"jupyter-{person}" not in whole and f" {person} " not in whole and f"/{person}" not in whole


def test_a_full_disk_is_the_cause_and_a_hub_that_is_down_what_follows(examined, tmp_path):
    course, box = examined
    fill = "fallocate -l $(( $(df --output=avail -B1 / | tail -1) - 20000000 )) /root/ballast"
    box.run(["sh", "-c", fill])
    box.run(["systemctl", "stop", "jupyterhub"])
    done = examine(course, "--bundle", str(tmp_path / "disk.tar.gz"))
    box.run(["rm", "/root/ballast"])
    box.run(["systemctl", "start", "jupyterhub"])
    assert done.code == 1 and headline(done).startswith("The disk: ") and "full" in headline(done)
    assert levels(done, "inside")["hub"] == "failure"
    assert "where the disk went: /root" in done.said
    assert "the watchdog: would empty the caches" in done.said


def test_mistakes_in_the_files_and_secrets_do_not_end_it(examined):
    course, box = examined
    address = f"http://{box.address}/hub/api/"
    wait_until(
        lambda: box.run(["curl", "-sf", address], check=False).returncode == 0, 60, "the hub", interval=0.5
    )
    original = (course.root / "course.yml").read_text()
    (course.root / "course.yml").write_text(original + "\nno_such_key: 1\nlimits:\n  memory: lots\n")
    course.secrets["HUB_ADMIN_PASSWORD"] = "short"
    done = examine(course)
    course.secrets["HUB_ADMIN_PASSWORD"] = ADMIN_PASSWORD
    (course.root / "course.yml").write_text(original)
    assert done.code == 1 and headline(done).startswith("A mistake in ")
    given = levels(done, "given")
    assert len(given) >= 2 and "secret HUB_ADMIN_PASSWORD" in given
    assert levels(done, "inside")["hub"] == levels(done, "outside")["hub"] == "good"


def test_a_dead_sshd_is_told_from_a_dead_hub(examined):
    course, box = examined
    box.run(["sh", "-c", "systemctl stop ssh.socket ssh.service"], check=False)
    done = examine(course)
    box.run(["systemctl", "start", "ssh"])
    assert done.code == 1 and headline(done).startswith("SSH: the hub works, but")
    assert levels(done, "outside")["hub"] == "good"


def test_a_machine_that_is_off(examined):
    course, box = examined
    box.power_off()
    done = examine(course)
    assert done.code == 1 and headline(done).startswith("The server: nothing on it answers")
    assert json.dumps(done.result).count("nothing on it answers") == 1
