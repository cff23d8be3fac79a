"""What stands in for actions/cache: folders kept between runs, by key, seen by the branches that may."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from sandbox.commands import run
from sandbox.github.actions import ActionFailed, Call, stand_in
from sandbox.github.parser import Unsupported

LONGEST_KEY = 512
COPYING = ("cp", "--archive", "--reflink=auto")


@dataclass(frozen=True)
class _Wish:
    """What a step asks for."""

    key: str
    prefixes: tuple[str, ...]
    paths: tuple[str, ...]

    @property
    def version(self) -> str:
        """A cache is found only by who names the same paths."""
        return hashlib.sha256("\n".join(self.paths).encode()).hexdigest()


@stand_in("actions/cache", "path", "key", "restore-keys", "fail-on-cache-miss", "lookup-only")
def cache(call: Call) -> None:
    """Restore now, and save after a job that succeeded if the very key was not there."""
    wish = _wish(call)
    if not _restore(call, wish):
        call.machine.after.append(lambda: _save(call, wish))


@stand_in("actions/cache/restore", "path", "key", "restore-keys", "fail-on-cache-miss", "lookup-only")
def restore(call: Call) -> None:
    """Restore alone."""
    _restore(call, _wish(call))


@stand_in("actions/cache/save", "path", "key")
def save(call: Call) -> None:
    """Save alone."""
    _save(call, _wish(call))


def _wish(call: Call) -> _Wish:
    key = call.inputs.get("key", "")
    if not key or len(key) > LONGEST_KEY or "," in key:
        raise ActionFailed(f"the key of a cache has 1 to {LONGEST_KEY} characters and no comma")
    paths = _lines(call.inputs.get("path", ""))
    for path in paths:
        if any(character in path for character in "*?[!"):
            raise Unsupported(f"actions/cache: the pattern {path} is not supported by this runner")
    return _Wish(key, _lines(call.inputs.get("restore-keys", "")), paths)


def _restore(call: Call, wish: _Wish) -> bool:
    found = _found(call, wish)
    call.outputs |= {"cache-primary-key": wish.key, "cache-hit": ""}
    if found is None:
        if call.flag("fail-on-cache-miss", False):
            raise ActionFailed(f"no cache for the key {wish.key}")
        call.say(f"Cache not found for keys: {', '.join((wish.key, *wish.prefixes))}")
        return False
    key = json.loads((found / "entry.json").read_text())["key"]
    if not call.flag("lookup-only", False):
        for index, path in enumerate(wish.paths):
            if (found / str(index)).exists():
                _copy(found / str(index), call.place(path))
    call.outputs |= {"cache-hit": str(key == wish.key).lower(), "cache-matched-key": key}
    call.say(f"Cache restored from key: {key}")
    return key == wish.key


def _found(call: Call, wish: _Wish) -> Path | None:
    """The exact key before the newest of each prefix, in each ref that the run may read from."""
    event, repository = call.machine.event, call.machine.shared.repository
    refs = [event.ref]
    for branch in (event.base_ref, repository.default_branch):
        if branch and f"refs/heads/{branch}" not in refs:
            refs.append(f"refs/heads/{branch}")
    for ref in refs:
        entries = [
            entry
            for entry in _entries(call)
            if entry[1]["ref"] == ref and entry[1]["version"] == wish.version
        ]
        exact = [folder for folder, entry in entries if entry["key"] == wish.key]
        if exact:
            return exact[0]
        for prefix in (wish.key, *wish.prefixes):
            alike = [folder for folder, entry in entries if entry["key"].startswith(prefix)]
            if alike:
                return alike[0]
    return None


def _entries(call: Call) -> list[tuple[Path, dict]]:
    """Every entry of the store, the newest first."""
    files = list((call.machine.shared.directory / "caches").glob("*/entry.json"))
    found = [(file.parent, json.loads(file.read_text())) for file in files]
    return sorted(found, key=lambda entry: entry[1]["saved"], reverse=True)


def _save(call: Call, wish: _Wish) -> None:
    ref = call.machine.event.ref
    for _, entry in _entries(call):
        if (entry["key"], entry["ref"], entry["version"]) == (wish.key, ref, wish.version):
            call.say(f"Failed to save: another job has made the cache {wish.key}")
            return
    existing = [
        (index, call.place(path)) for index, path in enumerate(wish.paths) if call.place(path).exists()
    ]
    if not existing:
        call.say(f"Nothing to save for the key {wish.key}: no such path")
        return
    store = call.machine.shared.directory / "caches"
    being_made = store / f"{uuid.uuid4()}.new"
    being_made.mkdir(parents=True)
    for index, path in existing:
        _copy(path, being_made / str(index))
    entry = {"key": wish.key, "ref": ref, "version": wish.version, "saved": time.time_ns()}
    (being_made / "entry.json").write_text(json.dumps(entry))
    being_made.rename(being_made.with_suffix(""))
    call.say(f"Cache saved with key: {wish.key}")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        target.mkdir(exist_ok=True)
        run([*COPYING, f"{source}/.", str(target)], timeout=600)
    else:
        shutil.copy2(source, target)


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.split("\n") if line.strip())
