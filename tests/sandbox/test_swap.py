"""Swap, made for real: a container cannot, so on this computer's own kernel, small and gone at once."""

import subprocess

import pytest

from coursehub.droplet import swap
from sandbox import state

pytestmark = pytest.mark.sandbox
SIZE = 16 << 20


@pytest.fixture
def place(sandbox, monkeypatch):
    """A file for swap on a real file system, and an fstab of the test's own."""
    file = state.directory() / "swapfile"
    fstab = state.directory() / "fstab"
    fstab.write_text("UUID=1234 / ext4 defaults 0 1\n")
    monkeypatch.setattr(swap, "FSTAB", fstab)
    yield file
    subprocess.run(["swapoff", file], check=False, capture_output=True)
    for leftover in (file, fstab):
        leftover.unlink(missing_ok=True)


def test_swap_is_added_once_and_stays(place):
    before = swap.look(str(place))
    assert (before["active"], before["permanent"]) == (False, False)
    for _ in range(2):
        swap.add(str(place), SIZE)
        after = swap.look(str(place))
        assert (after["active"], after["permanent"]) == (True, True)
        assert before["bytes"] < after["bytes"] <= before["bytes"] + SIZE
    assert place.stat().st_mode & 0o777 == 0o600
    lines = swap.FSTAB.read_text().splitlines()
    assert lines == ["UUID=1234 / ext4 defaults 0 1", f"{place} none swap sw 0 0"]


def test_swap_that_was_interrupted_is_made_anew(place):
    place.write_bytes(b"half of it")
    swap.add(str(place), SIZE)
    assert swap.look(str(place))["active"]


def test_a_disk_without_room_keeps_its_last_gigabyte(place):
    with pytest.raises(Exception, match="no room for a swap file"):
        swap.add(str(place), 1 << 60)
    assert not place.exists()
