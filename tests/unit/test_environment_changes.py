"""What a change of the environment means, in words."""

import pytest

from coursehub.environment_changes import bytes_needed, costs, differences, new_packages, spoken

BEFORE = {"numpy": "2.0", "gone": "3", "same": "1"}
AFTER = {"numpy": "2.1", "new": "1", "same": "1", "asked": "4"}


def test_differences_name_what_was_asked_for_first():
    assert differences(AFTER, BEFORE, ["asked"]) == ["+ asked 4", "- gone 3", "+ new 1", "~ numpy 2.0 → 2.1"]
    assert differences(AFTER, {}) == []
    assert differences(AFTER, AFTER) == []


def test_only_what_is_not_there_is_downloaded():
    assert new_packages(AFTER, BEFORE) == ["numpy", "new", "asked"]
    assert new_packages(AFTER, {}) == list(AFTER)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 kB"),
        (1, "1 kB"),
        (840_000, "840 kB"),
        (1_540_000, "1.5 MB"),
        (84_000_000, "84 MB"),
        (2_140_000_000, "2.1 GB"),
        (21_400_000_000, "21 GB"),
    ],
)
def test_sizes_as_people_say_them(size, words):
    assert spoken(size) == words


def test_costs_are_one_sentence():
    assert costs(12, 84_000_000, 400_000_000, 21_000_000_000) == (
        "12 packages to download, 84 MB; needs about 400 MB of disk, 21 GB free"
    )
    assert costs(1, 50_000, 96_000_000, 5_000_000_000).startswith("1 package to download, 50 kB;")
    assert costs(0, 0, 100_000_000, 5_000_000_000) == (
        "nothing to download; needs about 100 MB of disk, 5.0 GB free"
    )
    assert costs(9, 10**9, 5 * 10**9, 2 * 10**9).endswith("2.0 GB free, which is too little")


def test_disk_is_needed_even_when_no_package_is_new():
    assert 0 < bytes_needed(0) < bytes_needed(10**6)
