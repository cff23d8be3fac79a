"""apt.txt: names of packages, one a line."""

from __future__ import annotations

import pytest

from course_folder import assert_only
from coursehub.apt_file import read_apt_file
from coursehub.requirement import Requirement

MISTAKES = {
    "upper case": ("Vim", "Write vim."),
    "two": ("vim nano", "line of its own"),
    "version": ("vim=2:9.0", "Write vim:"),
    "architecture": ("libc6:i386", "Write libc6:"),
    "command": ("apt-get install vim", "names of packages"),
    "option": ("--no-install-recommends", "names of packages"),
    "path": ("./x.deb", "packages.ubuntu.com"),
    "one letter": ("r", "packages.ubuntu.com"),
    "injection": ("vim;reboot", "packages.ubuntu.com"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_reported_with_its_line(tmp_path, name):
    text, word = MISTAKES[name]
    (tmp_path / "apt.txt").write_text(f"# editors\nnano\n\n  {text}  # my favourite\n")
    packages, problems = read_apt_file(tmp_path)
    assert packages == (Requirement("nano", 2),)
    assert_only(problems, "apt.txt", 4, None, text, word)


def test_what_was_read(tmp_path):
    (tmp_path / "apt.txt").write_text(
        "\ufeff# tools\n\ng++\r\nlibgl1-mesa-glx # for 3d\ng++\n7zip", encoding="utf-8"
    )
    expected = (Requirement("g++", 3), Requirement("libgl1-mesa-glx", 4), Requirement("7zip", 6))
    assert read_apt_file(tmp_path) == (expected, [])


def test_no_file_means_no_packages(tmp_path):
    assert read_apt_file(tmp_path) == ((), [])


def test_not_text(tmp_path):
    (tmp_path / "apt.txt").write_bytes(b"nano\n\xff\xfe\n")
    _, problems = read_apt_file(tmp_path)
    assert_only(problems, "apt.txt", 2, None, None, "UTF-8")
