"""A student's server has ended when systemd says so, and not when nobody could say."""

import asyncio
import logging
import os
import signal
import sys
from types import SimpleNamespace as Some

import pytest
from traitlets.config import Config

from coursehub import spawner_poll
from coursehub.snippet import snippet


class Spawner:
    """systemdspawner's, as far as a poll is concerned."""

    unit_name = "jupyter-ada"
    log = logging.getLogger("hub")

    async def poll(self):
        raise AssertionError("not this one")


@pytest.fixture
def systemctl(tmp_path, monkeypatch):
    """Called with what `systemctl` is to do, each time that it is asked; returns what it was asked so far."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def set_up(text):
        script = tmp_path / "systemctl"
        script.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/asked\n{text}\n')
        script.chmod(0o755)
        return tmp_path / "asked"

    return set_up


def polled():
    return asyncio.run(spawner_poll.polled_surely(Spawner, pause=0.01)().poll())


@pytest.mark.parametrize(
    ("state", "code", "found"),
    [
        ("active", 0, None),
        ("reloading", 0, None),
        ("inactive", 3, 1),
        ("failed", 3, 1),
        ("deactivating", 3, 1),
        ("inactive", 4, 1),  # of a unit that is not there
    ],
)
def test_systemds_word_counts(systemctl, state, code, found):
    asked = systemctl(f"echo {state}; exit {code}")
    assert polled() == found
    assert asked.read_text() == "is-active jupyter-ada\n"


@pytest.mark.parametrize(
    "text",
    [
        "echo 'Failed to connect to bus: Connection refused' >&2; exit 1",
        "echo unknown; exit 4",
        f"kill -{int(signal.SIGTERM)} $$",
    ],
    ids=["no bus", "unknown", "ended with the hub"],
)
def test_no_word_is_not_the_end(systemctl, text, caplog):
    asked = systemctl(text)
    assert polled() is None
    assert len(asked.read_text().splitlines()) == 3
    assert "does not say whether jupyter-ada runs" in caplog.text


def test_it_asks_again(systemctl, tmp_path):
    systemctl(f"[ -e {tmp_path}/once ] && echo inactive && exit 3; touch {tmp_path}/once; exit 1")
    assert polled() == 1


def test_nothing_to_ask_with(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert polled() is None


def test_the_hub_polls_in_this_way(monkeypatch):
    tljh = Some(UserCreatingSpawner=Spawner)
    monkeypatch.setitem(sys.modules, "tljh.user_creating_spawner", tljh)
    c = Config()
    exec(snippet("A course", everyone=False, processes=100), {"c": c})
    made = c.JupyterHub.spawner_class
    assert issubclass(made, Spawner) and made.poll is not Spawner.poll
