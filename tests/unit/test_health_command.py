"""scripts/check_health.py as people and workflows run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from coursehub.health import command, report
from coursehub.health.model import Finding, Limits, Verdict
from coursehub.problems import Failure, InvalidInput
from hub_servers import closed_port, hub, raw

SCRIPTS = Path(__file__).parents[2] / "scripts"
DOWN = Verdict(
    "down",
    "https://hub.school.edu",
    "The hub is down: hub: it | says `no`",
    "run the workflow that deploys",
    (Finding("hub", "failure", "it | says <b>`no`"), Finding("name", "good", "leads to 203.0.113.5")),
    0.25,
)
UP = Verdict(
    "up", "https://hub.school.edu", "The hub is up", "", (Finding("hub", "good", "JupyterHub 5"),), 0.1
)


def run(*words: str, environ: dict[str, str] | None = None):
    """With nothing installed: -S leaves out all packages."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("GITHUB_", "HUB_"))}
    return subprocess.run(
        [sys.executable, "-S", SCRIPTS / "check_health.py", "--spacing", "0", *words],
        env=kept | (environ or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_up():
    with hub() as (port, _):
        done = run("--url", f"http://127.0.0.1:{port}", "--json")
    assert done.returncode == 0, done.stderr
    value = json.loads(done.stdout)
    assert value["state"] == "up" and value["url"] == f"http://127.0.0.1:{port}"
    assert done.stderr.startswith("The hub is up\n") and "✓ hub: JupyterHub 5.2.1" in done.stderr


def test_down_at_the_address_of_the_environment():
    with hub({}) as (port, _):
        done = run(environ={"HUB_URL": f"http://127.0.0.1:{port}"})
    assert done.returncode == 1
    assert done.stdout.startswith("The hub is down: hub: ") and "What to do: run" in done.stdout


def test_the_program_ends_though_the_server_hangs():
    with raw(lambda line: None) as port:
        done = run("--url", f"http://127.0.0.1:{port}", "--limit", "1")
    assert done.returncode == 1 and "nothing was known after 1 s" in done.stdout


def test_unknown(monkeypatch, capsys):
    monkeypatch.setattr(command, "CONTROLS", ())
    monkeypatch.setattr(command.os, "environ", {"GITHUB_SERVER_URL": f"http://127.0.0.1:{closed_port()}"})
    monkeypatch.setattr(sys, "argv", ["x", "--url", f"http://127.0.0.1:{closed_port()}", "--spacing", "0"])
    assert command.run("x") == 3
    assert "reaches nothing else either" in capsys.readouterr().out


def test_what_is_no_address():
    done = run("--url", "hub.school.edu")
    assert done.returncode == 2 and "--url: is not the web address of a hub" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "1e9"])
def test_what_is_no_length_of_time(text):
    assert run("--limit", text).returncode == 2


def test_where_the_address_comes_from():
    record = {"url": "https://c.edu"}
    environ = {"HUB_URL": "https://b.edu"}
    assert command.find_hub("https://a.edu", environ, lambda _: record)[0].host == "a.edu"
    assert command.find_hub(None, environ, lambda _: record)[0].host == "b.edu"
    assert command.find_hub(None, {"HUB_URL": " "}, lambda _: record)[0].host == "c.edu"
    assert command.find_hub(None, {}, lambda _: None) == (command.NOTHING, {})
    assert command.find_hub(None, {}, lambda _: {"url": None})[0] is command.NOTHING
    gone, _ = command.find_hub(None, {}, lambda _: {"url": None, "verdict": "archived"})
    assert gone.state == "none" and "archived" in gone.title
    with pytest.raises(InvalidInput, match="record of the last deploy"):
        command.find_hub(None, {}, lambda _: {"url": "nonsense"})


def test_a_record_that_does_not_come(monkeypatch):
    monkeypatch.setattr(command, "RECORD_PATIENCE", 0.1)
    with pytest.raises(Failure, match="record of deploys cannot be read"):
        command.find_hub(None, {}, lambda _: time.sleep(5))


def outcome(monkeypatch, record) -> int:
    monkeypatch.setattr(command, "recorded", record)
    monkeypatch.setattr(command.os, "environ", {})
    monkeypatch.setattr(sys, "argv", ["check_health.py"])
    return command.run("x")


def test_nothing_was_deployed(monkeypatch, capsys):
    assert outcome(monkeypatch, lambda environ: None) == 0
    assert "Nothing was deployed yet" in capsys.readouterr().out


def test_a_record_that_cannot_be_read(monkeypatch, capsys):
    def refuse(environ):
        raise Failure("GitHub does not answer", "look again later")

    assert outcome(monkeypatch, refuse) == 3
    assert "unknown: GitHub does not answer" in capsys.readouterr().out


# On GitHub


def commands():
    """Keeps what is told to GitHub."""
    said = SimpleNamespace(lines=[], summary="", outputs={})

    def annotate(kind):
        return lambda message, *, title=None: (kind, title, message)

    def keep(name):
        return lambda value, environ: setattr(said, name, value)

    kinds = {kind: annotate(kind) for kind in ("error", "warning", "notice")}
    return said, SimpleNamespace(
        say=keep("lines"), add_summary=keep("summary"), set_outputs=keep("outputs"), **kinds
    )


def told(verdict: Verdict):
    said, there = commands()
    command.tell_github(verdict, {}, there)
    return said


def test_an_error_a_summary_and_outputs():
    said = told(DOWN)
    message = "hub: it | says `no`. What to do: run the workflow that deploys"
    assert said.lines == [("error", "The hub is down", message)]
    first = said.summary.splitlines()[0]
    assert first.startswith("**The hub is down: ") and "**What to do:** run the workflow" in first
    assert "| ✗ | hub | it \\| says &lt;b&gt;\\`no\\` |" in said.summary
    assert said.outputs["state"] == "down"
    assert json.loads(said.outputs["result"])["findings"][0]["name"] == "hub"


def test_a_hub_that_is_up_needs_no_words():
    said = told(UP)
    assert said.lines == [] and said.summary.startswith("**The hub is up.**\n")
    assert said.outputs["state"] == "up"


@pytest.mark.parametrize(
    ("state", "kind"), [("degraded", "warning"), ("unknown", "warning"), ("none", "notice")]
)
def test_other_states(state, kind):
    title = "The hub is degraded: certificate: soon over"
    said = told(Verdict(state, None, title, "deploy"))
    assert said.lines[0][0] == kind and said.outputs["state"] == state
    assert json.loads(said.outputs["result"])["seconds"] is None


def test_every_level_has_a_mark():
    levels = ("good", "warning", "failure", "unseen")
    assert [report.mark(Finding("x", level, "")) for level in levels] == ["✓", "!", "✗", "?"]


def test_the_default_limits_leave_time_for_a_hub_that_hangs():
    """Three tries at one that takes connections and never answers, each with a handshake, in a run's time."""
    limits = Limits()
    answers = limits.tries * limits.answer + (limits.tries - 1) * limits.spacing
    handshakes = limits.tries * limits.connect + (limits.tries - 1) * limits.spacing
    assert max(answers, handshakes) < limits.whole and limits.slow < limits.answer


def test_the_server_that_was_recorded_is_known():
    record = {"url": "https://c.edu", "server": {"address": "203.0.113.5", "port": 22}}
    assert command.find_hub(None, {}, lambda _: record)[0].server == "203.0.113.5"
    for other in (None, {}, {"address": "hub.school.edu"}, {"address": 7}, "203.0.113.5"):
        assert command.find_hub(None, {}, lambda _, it=other: {**record, "server": it})[0].server is None
