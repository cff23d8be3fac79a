"""Which modules a package brings, from what its installer recorded in the environment."""

from __future__ import annotations

import re

from coursehub.droplet.system import read_json, read_text

MODULE = re.compile(r"(?P<path>[^.]+?)(/__init__)?(\.cpython-[^/]*|\.abi3)?\.(py|so)")
# Beside its modules, a package may install what was never meant to be imported.
UNMEANT = {"test", "tests", "testing", "doc", "docs", "example", "examples", "setup", "conftest"}


def provided_modules(prefix, package):
    """The modules that importing tries `package` with, a name as conda or pip knows it: those that are
    named like it, else all its top-level ones; for a package without files those of its dependencies.

    None when the package is not in the environment.
    """
    return modules_of(prefix, folded(package), set())


def modules_of(prefix, wanted, seen):
    """The same; `seen` are the packages that were looked at on the way here."""
    seen.add(wanted)
    for file in sorted((prefix / "conda-meta").glob("*.json")):
        if folded(file.stem.rsplit("-", 2)[0]) == wanted:
            record = read_json(file) or {}
            if record.get("files"):
                return chosen(record["files"], wanted)
            needs = [folded(re.split(r"[ =<>!~]", need, maxsplit=1)[0]) for need in record.get("depends", ())]
            further = [need for need in needs if need not in seen and need != "python"]
            return [module for need in further for module in modules_of(prefix, need, seen) or ()]
    for folder in sorted(prefix.glob("lib/python3*/site-packages/*.dist-info")):
        if folded(folder.name.split("-")[0]) == wanted:
            lines = (read_text(folder / "RECORD") or "").splitlines()
            return chosen(["site-packages/" + line.split(",")[0] for line in lines], wanted)
    return None


def chosen(files, package):
    """The modules to try, of all that are among a package's files."""
    found = [name for name in top_modules(files) if not name.startswith("_") and name not in UNMEANT]
    return [name for name in found if folded(name) in likenesses(package)] or found


def top_modules(files):
    """The outermost modules among installed files: in a namespace package these are deeper ones."""
    inside = [path.partition("site-packages/")[2] for path in files]
    matches = [MODULE.fullmatch(path) for path in inside]
    named = [match for match in matches if match and all(map(str.isidentifier, match["path"].split("/")))]
    paths, packages = {match["path"] for match in named}, {match["path"] for match in named if match[2]}
    tops = {path for path in paths if "/" not in path}
    tops |= {path for path in packages if not any(path.startswith(f"{other}/") for other in packages)}
    return sorted(path.replace("/", ".") for path in tops)


def folded(name):
    """A name without what conda, pip and Python spell differently."""
    return re.sub(r"[-_.]+", "", name).lower()


def likenesses(package):
    """How the module of a package may be called: matplotlib-base is matplotlib, python-dateutil dateutil."""
    bare = package[: -len("base")] if package.endswith("base") else package
    stems = {bare, bare[len("python") :] if bare.startswith("python") else bare}
    return {package, *stems, *(stem[2:] for stem in stems if stem.startswith("py"))} - {""}
