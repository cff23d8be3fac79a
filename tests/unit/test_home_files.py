"""The files of who left: archived and removed on a real disk, cut off at every point, and nobody else's."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from coursehub.droplet import home_files
from coursehub.droplet.system import OperationFailed

OWNER = os.getuid() or 54321
"""Of the homes here: who runs the tests or, for root, somebody else."""


@pytest.fixture
def homes(tmp_path, monkeypatch):
    """Ada's home, and others that must be as they are afterwards."""
    if os.getuid():
        # Whoever runs the tests is at work all the time.
        monkeypatch.setattr(home_files, "at_work", lambda number: False)
    for name in ("jupyter-ada", "jupyter-adam", "jupyter-a"):
        home = tmp_path / name
        (home / "course").mkdir(parents=True, mode=0o700)
        (home / "course" / "mine.ipynb").write_text(f"of {name}")
        for path in (home, home / "course", home / "course" / "mine.ipynb"):
            os.chown(path, OWNER, -1)
    (tmp_path / "jupyter-ada" / "others").symlink_to(tmp_path / "jupyter-adam")
    os.link(tmp_path / "jupyter-ada" / "course" / "mine.ipynb", tmp_path / "jupyter-ada" / "twice")
    return tmp_path


def others(homes: Path) -> list[str]:
    return [(homes / name / "course" / "mine.ipynb").read_text() for name in ("jupyter-adam", "jupyter-a")]


def is_empty_and_hers(homes: Path) -> bool:
    home = homes / "jupyter-ada"
    about = home.stat()
    return not list(home.iterdir()) and (about.st_uid, about.st_mode & 0o777) == (OWNER, 0o700)


def test_an_archive_has_everything_and_only_then_the_home_is_emptied(homes):
    made = home_files.archive("jupyter-ada", homes)
    file = Path(made["archive"])
    assert file.parent == homes / "coursehub-archives" and made["bytes"] == file.stat().st_size
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    with tarfile.open(file) as archive:
        assert archive.extractfile("jupyter-ada/course/mine.ipynb").read() == b"of jupyter-ada"
        assert archive.getmember("jupyter-ada/others").issym(), "a link is kept as a link"
        assert archive.getmember("jupyter-ada").uid == OWNER
        assert not any("adam" in name for name in archive.getnames())
    assert is_empty_and_hers(homes) and others(homes) == ["of jupyter-adam", "of jupyter-a"]
    assert home_files.archive("jupyter-ada", homes) == {"archive": None, "bytes": 0}
    assert len(list(file.parent.iterdir())) == 1


def test_files_are_removed_and_nobody_elses(homes):
    home_files.remove("jupyter-ada", homes)
    assert is_empty_and_hers(homes) and others(homes) == ["of jupyter-adam", "of jupyter-a"]
    assert home_files.unfinished(homes) == []


CUTS = {
    "while it is packed": ("pack", 0),
    "before it is looked at": ("require_the_same", 0),
    "before it is on the disk": ("settle_on_disk", 0),
    "before the home is out of the way": ("checked", 1),
    "before there is an empty home": ("make_empty", 0),
    "before anything is removed": ("finish", 2),
}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_cut_off_anywhere_the_same_again_ends_it(homes, monkeypatch, cut):
    """As a power cut does: whatever would clean up afterwards does not run, either."""
    name, calls = cut
    real, left = getattr(home_files, name), [calls]

    class PowerCut(BaseException):
        pass

    def cutting(*arguments):
        if not left[0]:
            raise PowerCut
        left[0] -= 1
        return real(*arguments)

    with monkeypatch.context() as patched, pytest.raises(PowerCut):
        patched.setattr(home_files, name, cutting)
        home_files.archive("jupyter-ada", homes)
    archives = homes / "coursehub-archives"
    whole = list(archives.glob("*.tar.gz"))
    (archives / "jupyter-ada-20250101T000000Z.tar.part").write_text("half an archive")
    kept = (homes / "jupyter-ada" / "course" / "mine.ipynb").exists()
    assert kept or whole, "the work is somewhere, always"
    home_files.archive("jupyter-ada", homes)
    assert is_empty_and_hers(homes) and others(homes) == ["of jupyter-adam", "of jupyter-a"]
    assert home_files.unfinished(homes) == []
    for file in archives.glob("*.tar.gz"):
        with tarfile.open(file) as archive:
            assert archive.extractfile("jupyter-ada/course/mine.ipynb").read() == b"of jupyter-ada"
    assert list(archives.glob("*.tar.gz")) and not list(archives.glob("*.part"))


def test_a_removal_that_was_cut_off_is_seen_and_ended(homes, monkeypatch):
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(home_files.shutil, "rmtree", lambda path: (_ for _ in ()).throw(KeyboardInterrupt))
        home_files.remove("jupyter-ada", homes)
    assert home_files.unfinished(homes) == ["jupyter-ada"]
    (homes / "jupyter-ada" / "new").write_text("since then")
    os.chown(homes / "jupyter-ada" / "new", OWNER, -1)
    made = home_files.archive("jupyter-ada", homes)
    assert home_files.unfinished(homes) == []
    with tarfile.open(made["archive"]) as archive:
        assert archive.getnames() == ["jupyter-ada", "jupyter-ada/new"]


def test_an_archive_that_lacks_something_removes_nothing(homes, monkeypatch):
    real = home_files.pack

    def changed_meanwhile(home, part):
        real(home, part)
        (home / "course" / "mine.ipynb").write_text("changed")

    monkeypatch.setattr(home_files, "pack", changed_meanwhile)
    with pytest.raises(OperationFailed, match="nothing was removed") as caught:
        home_files.archive("jupyter-ada", homes)
    assert (homes / "jupyter-ada" / "course" / "mine.ipynb").read_text() == "changed"
    assert list((homes / "coursehub-archives").iterdir()) == []
    assert "ada" not in caught.value.message + caught.value.fix + caught.value.detail


def refused(homes, words, account="jupyter-ada"):
    for act in (home_files.archive, home_files.remove):
        with pytest.raises(OperationFailed, match=words) as caught:
            act(account, homes)
        assert "ada" not in caught.value.message + caught.value.fix + caught.value.detail
    assert others(homes) == ["of jupyter-adam", "of jupyter-a"]


def test_what_is_not_a_students_own_home_is_left_alone(homes, monkeypatch):
    refused(homes, "no such home", "jupyter-ad")
    for account in ("ubuntu", "jupyter-", "jupyter-../jupyter-adam", "../jupyter-adam"):
        refused(homes, "not a student's home", account)
    (homes / "jupyter-link").symlink_to(homes / "jupyter-adam")
    refused(homes, "not a folder of this account's own", "jupyter-link")
    monkeypatch.setattr(home_files, "number_of", lambda account: OWNER + 1)
    refused(homes, "not a folder of this account's own")


def test_nothing_is_touched_while_somebody_works_or_something_is_mounted(homes, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(home_files, "at_work", lambda number: number == OWNER)
        refused(homes, "still runs")
    with monkeypatch.context() as patched:
        patched.setattr(home_files, "mounts", lambda: ["/", f"{homes}/jupyter-adam/x"])
        assert home_files.checked("jupyter-ada", homes)
        patched.setattr(home_files, "mounts", lambda: ["/", f"{homes}/jupyter-ada/shared"])
        refused(homes, "mounted in the home")
    assert (homes / "jupyter-ada" / "course" / "mine.ipynb").exists()


def test_an_archive_that_would_fill_the_disk(homes, monkeypatch):
    monkeypatch.setattr(home_files, "free_bytes", lambda path: 1 << 20)
    with pytest.raises(OperationFailed, match="1 MB are free"):
        home_files.archive("jupyter-ada", homes)
    assert (homes / "jupyter-ada" / "course" / "mine.ipynb").exists()


def test_what_runs_and_what_is_mounted_is_seen(tmp_path, monkeypatch):
    assert os.getuid() == 0 or home_files.at_work(os.getuid())
    assert not home_files.at_work(54321) and "/" in home_files.mounts()
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "mountinfo").write_text("36 35 98:0 / /home/a\\040b rw - ext4 /dev/sda rw\n")
    monkeypatch.setattr(home_files, "PROC", tmp_path)
    assert home_files.mounts() == ["/home/a b"]
