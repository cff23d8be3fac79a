"""How the droplet's program runs commands: what failed is said, and what to do where that is known."""

import pytest

from coursehub.droplet.system import OperationFailed, run, stream

FULL = "echo 'cp: writing: No space left on device' >&2; exit 1"


@pytest.mark.parametrize("how", [run, lambda words, timeout: stream(words, progress=print, timeout=timeout)])
def test_a_full_disk_is_told_whoever_met_it(how):
    with pytest.raises(OperationFailed) as caught:
        how(["sh", "-c", FULL], timeout=10)
    assert caught.value.message == "sh failed with exit code 1"
    assert "droplet.size" in caught.value.fix and "cp: writing" in caught.value.detail


def test_any_other_failure_shows_the_last_words():
    with pytest.raises(OperationFailed) as caught:
        run(["sh", "-c", "echo one; echo two >&2; exit 3"], timeout=10)
    assert caught.value.message == "sh failed with exit code 3"
    assert caught.value.detail == "one\ntwo" and caught.value.fix == ""
