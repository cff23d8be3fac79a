"""The droplet's book-keeping about its environments, on a directory that stands for /opt/course."""

import json
import os
import shutil
import subprocess

import pytest

from coursehub.droplet import environment, generations, retention, rollback
from coursehub.droplet.system import OperationFailed


@pytest.fixture
def course(tmp_path, monkeypatch):
    """/opt/course, empty."""
    envs = tmp_path / "envs"
    envs.mkdir()
    monkeypatch.setattr(generations, "CURRENT", envs / "current")
    monkeypatch.setattr(generations, "REJECTED", tmp_path / "state/rejected.json")
    for module in (generations, retention):
        monkeypatch.setattr(module, "ENVIRONMENTS", envs)
    monkeypatch.setattr(retention, "COURSE", tmp_path)
    monkeypatch.setattr(retention, "CONDA_CACHE", tmp_path / "cache/conda")
    monkeypatch.setattr(retention, "UV_CACHE", tmp_path / "cache/uv")
    return tmp_path


def add(course, name, complete=True, packages=()):
    """A generation that was installed, its packages hardlinked from the cache."""
    prefix = course / "envs" / name
    (prefix / "conda-meta").mkdir(parents=True)
    (course / "envs" / f"{name}.lock").write_text("lock")
    for package in packages:
        cached = course / "cache/conda" / package
        cached.mkdir(parents=True, exist_ok=True)
        (cached / "file").write_text("x")
        cached.with_name(f"{package}.lock").touch()
        record = json.dumps({"extracted_package_dir": str(cached)})
        (prefix / "conda-meta" / f"{package}.json").write_text(record)
    if complete:
        number = len(generations.present()[0])
        record = {"inputs": f"inputs-{name}", "commit": f"commit-{name}", "who": "w", "packages": {"x": name}}
        generations.mark(name, {**record, "installed": number})
    return prefix


def switch(*names):
    for name in names:
        generations.switch(name, {})


def names(course):
    return sorted(place.name for place in (course / "envs").iterdir() if place.name != "current")


def test_a_droplet_without_environments(course):
    (course / "envs").rmdir()
    seen = environment.look("tools", "inputs")
    assert (seen["current"], seen["inputs"], seen["generations"]) == (None, None, [])
    assert (seen["collectable"], seen["rejected"], seen["packages"]) == ([], {}, {})
    assert rollback.listing() == []


def test_a_look_with_nothing_to_do_says_little(course):
    add(course, "a")
    assert generations.switch("a", {"inputs": "new"}) == {"from": None, "to": "a"}
    seen = environment.look("tools", "new")
    assert seen == {"current": "a", "inputs": "new", "rejected": {}, "collectable": []}


def test_what_is_not_complete_cannot_be_switched_to(course):
    add(course, "a", complete=False)
    with pytest.raises(OperationFailed, match="a is not complete"):
        generations.switch("a", {})
    assert generations.current() is None


def test_a_link_to_a_generation_that_is_gone_counts_as_none(course):
    add(course, "a")
    switch("a")
    (course / "envs/a" / generations.MARKER).unlink()
    assert generations.current() is None


def test_back_to_the_one_before_and_on_to_the_one_before_that(course):
    for name in "abc":
        add(course, name)
        switch(name)
    back = rollback.rollback(None, "ada", "numpy broke")
    assert back == {"from": "c", "to": "b", "rejected_inputs": "inputs-c", "commit_from": "commit-c"}
    assert generations.current() == "b"
    refused = environment.look("t", "x")["rejected"]["inputs-c"]
    assert (refused["generation"], refused["who"], refused["reason"]) == ("c", "ada", "numpy broke")
    assert rollback.rollback(None, "ada", "still broken")["to"] == "a"
    with pytest.raises(OperationFailed, match="no earlier environment"):
        rollback.rollback(None, "ada", "and again")
    assert generations.current() == "a"


def test_back_to_a_named_one_even_if_it_was_rejected(course):
    for name in "ab":
        add(course, name)
        switch(name)
    rollback.rollback("a", "ada", "")
    rollback.rollback("b", "ada", "it was not b after all")
    assert list(generations.rejected()) == ["inputs-a"]
    with pytest.raises(OperationFailed, match="current one already"):
        rollback.rollback("b", "ada", "")
    with pytest.raises(OperationFailed, match="no complete environment nothing") as caught:
        rollback.rollback("nothing", "ada", "")
    assert caught.value.fix == "choose one of: a, b"


def test_a_pardon(course):
    for name in "ab":
        add(course, name)
        switch(name)
    rollback.rollback(None, "ada", "")
    generations.pardon("inputs-b")
    generations.pardon("never rejected")
    assert generations.rejected() == {}


def test_the_list_is_newest_first(course):
    for name in "ab":
        add(course, name)
    switch("a")
    listed = rollback.listing()
    assert [it["generation"] for it in listed] == ["b", "a"]
    assert [it["current"] for it in listed] == [False, True]
    assert [bool(it["worked"]) for it in listed] == [False, True]
    assert (listed[1]["commit"], listed[1]["who"], listed[1]["packages"]) == ("commit-a", "w", {"x": "a"})


def test_only_a_crowd_is_thinned_out_and_the_last_two_that_worked_stay(course):
    for name in "abc":
        add(course, name)
        switch(name)
    assert retention.collectable() == []
    add(course, "d")
    switch("d")
    assert retention.collectable() == ["a", "b"]
    rollback.rollback(None, "ada", "")
    # d was rejected, so that b is the one to go back to after c.
    assert retention.collectable() == ["a", "d"]
    retention.collect(["a", "b", "c", "d", "never there"])
    assert names(course) == ["b", "b.lock", "c", "c.lock"]


@pytest.mark.parametrize("how", ["stands in it", "runs from it", "has it in its path"])
def test_what_a_process_uses_stays(course, how):
    for name in "abcd":
        prefix = add(course, name)
        switch(name)
    prefix = course / "envs/a"
    program, options = "/bin/sleep", {}
    if how == "runs from it":
        program = prefix / "sleep"
        shutil.copy("/bin/sleep", program)
    elif how == "stands in it":
        options = {"cwd": prefix}
    else:
        options = {"env": {"PATH": f"/bin:{prefix}/bin"}}
    with subprocess.Popen([program, "60"], **options) as process:
        try:
            assert retention.collectable() == ["b"]
            retention.collect(["a"])
            assert prefix.exists()
        finally:
            process.kill()
    assert retention.collectable() == ["a", "b"]


def test_what_an_interrupted_run_left_goes_with_its_processes_and_its_packages(course):
    add(course, "whole", packages=["numpy-1-0", "pandas-1-0"])
    switch("whole")
    half = add(course, "half", complete=False, packages=["numpy-2-0", "pandas-1-0"])
    (course / "envs/only.lock").write_text("a lock without its environment")
    assert retention.collectable() == ["half", "only"]
    with subprocess.Popen(["/bin/sleep", "60"], env={"CONDA_PREFIX": str(half)}) as left:
        retention.collect(["half", "only"])
        assert left.wait(5) == -9
    assert names(course) == ["whole", "whole.lock"]
    cached = sorted(place.name for place in (course / "cache/conda").iterdir())
    assert cached == ["numpy-1-0", "numpy-1-0.lock", "pandas-1-0", "pandas-1-0.lock"]


def test_the_cache_of_the_pip_part_keeps_what_a_generation_links_to(course):
    prefix = add(course, "whole")
    for name in ("used", "unused"):
        place = course / "cache/uv/archive-v0" / name / "deep"
        place.mkdir(parents=True)
        (place / "file").write_text("x")
    os.link(course / "cache/uv/archive-v0/used/deep/file", prefix / "file")
    retention.prune_cache()
    assert [place.name for place in (course / "cache/uv/archive-v0").iterdir()] == ["used"]
