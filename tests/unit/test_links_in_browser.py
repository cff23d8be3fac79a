"""The page of links as people use it: in a browser, on a phone and on a large screen."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from chromium import browser
from coursehub.links.collection import collect
from coursehub.links.page import page

NOTEBOOK = {"cells": [{"cell_type": "markdown", "source": "# <b>Müller's</b> \\# 1"}]}


@pytest.fixture
def links(tmp_path):
    folder = tmp_path / "content" / ("a-name-without-a-place-to-break" * 4)
    folder.mkdir(parents=True)
    for file in (folder.parent / "StartHere.ipynb", folder / "100% #1.ipynb"):
        file.write_text(json.dumps(NOTEBOOK))
    content = SimpleNamespace(folder="my-course", start="StartHere.ipynb", links=(), release=())
    course = SimpleNamespace(
        root=tmp_path, name="My course", interface="lab", sign_in="sign-up", content=content
    )
    course.timetable = SimpleNamespace(timezone="UTC")
    return collect(course, "https://hub.school.edu")


def test_the_page(links, tmp_path):
    file = tmp_path / "links.html"
    file.write_text(page(links))
    with browser() as tab:
        tab.open(file.as_uri())
        tab.wait_for("document.readyState == 'complete'")
        for width in (320, 400, 1200):
            colours = set()
            for scheme in ("light", "dark"):
                tab.resize(width, 900, scheme)
                assert tab.run("document.documentElement.scrollWidth") <= width
                colours.add(tab.run("getComputedStyle(document.body).backgroundColor"))
            assert len(colours) == 2
        small = "[...document.querySelectorAll('.actions > *')].filter(e => e.offsetHeight < 44).length"
        assert tab.run(small) == 0
        assert tab.asked == [file.as_uri()]

        tab.command("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
        tab.command("Emulation.setFocusEmulationEnabled", enabled=True)
        tab.click("button.copy")
        tab.wait_for("document.getElementById('status').textContent == 'Copied'", 10)
        assert tab.run("navigator.clipboard.readText()") == links.first[0].url
        assert tab.run("document.querySelector('a.open').href") == links.first[0].url


def test_without_a_clipboard_what_is_selected_is_copied(links, tmp_path):
    """As on a page that is served without encryption."""
    file = tmp_path / "links.html"
    file.write_text(page(links))
    with browser() as tab:
        tab.open(file.as_uri())
        tab.wait_for("document.readyState == 'complete'")
        tab.command("Emulation.setFocusEmulationEnabled", enabled=True)
        tab.run("Object.defineProperty(navigator, 'clipboard', {value: undefined}); 0")
        tab.run("document.addEventListener('copy', () => { window.copied = getSelection().toString(); }); 0")
        tab.click("button.copy")
        tab.wait_for("document.getElementById('status').textContent == 'Copied'", 10)
        assert tab.run("window.copied") == links.first[0].url
        assert tab.run("document.querySelectorAll('textarea').length") == 0
