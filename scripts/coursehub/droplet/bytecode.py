"""Compiling an environment's modules: students cannot write here, so each start would compile them anew.

A generation shares most of its files with an earlier one, by hardlinks; what is compiled there already
is shared in the same way. Python takes a module's path from where it finds the module, not from the
compiled file, so that the earlier generation's path in it does no harm.
"""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from coursehub.droplet.gently import run_gently, workers
from coursehub.droplet.installers import explained
from coursehub.droplet.system import NO_SPACE, OperationFailed

TIMEOUT = 1200.0


def compile_bytecode(prefix, earlier, progress):
    """Give each module below `prefix` its compiled file, from the prefixes `earlier` where they have it."""
    missing = [
        module
        for library in prefix.glob("lib/python3*")
        if not library.is_symlink()
        for module in without_bytecode(library, [old / "lib" / library.name for old in earlier])
    ]
    if not missing:
        return
    progress(f"compiling {len(missing)} modules")
    shares = [missing[start :: workers()] for start in range(workers())]
    with ThreadPoolExecutor(len(shares)) as pool:
        for _ in pool.map(lambda share: compile_modules(prefix, share), filter(None, shares)):
            pass


def without_bytecode(library, earlier):
    """The modules below `library` that no compiled file could be found for; links those that could.

    `earlier` are the same directory in earlier generations.
    """
    tag = "cpython-" + library.name[len("python") :].replace(".", "")
    missing = []
    for folder, _, names in os.walk(library):
        modules = [name for name in names if name.endswith(".py")]
        if not modules:
            continue
        compiled = Path(folder, "__pycache__")
        compiled.mkdir(exist_ok=True)
        there = {entry.name for entry in os.scandir(compiled)}
        olds = [Path(old, os.path.relpath(folder, library)) for old in earlier]
        olds = [old for old in olds if old.is_dir()]
        for name in modules:
            result = f"{name[:-3]}.{tag}.pyc"
            if result not in there and not any(share(Path(folder), old, name, result) for old in olds):
                missing.append(f"{folder}/{name}")
    return missing


def share(folder, old, name, result):
    """Link the compiled file of an earlier generation, if it was made from the very same source file."""
    try:
        if not (folder / name).samefile(old / name):
            return False
        os.link(old / "__pycache__" / result, folder / "__pycache__" / result)
    except FileNotFoundError:
        return False
    return True


def compile_modules(prefix, modules):
    """Compile modules with the environment's own Python. Some packages ship files for other Pythons, which
    do not compile; that harms nobody, but a full disk does."""
    with tempfile.NamedTemporaryFile("w", prefix="coursehub-", suffix=".list") as file:
        file.writelines(f"{module}\n" for module in modules)
        file.flush()
        try:
            run_gently(
                [prefix / "bin/python", "-m", "compileall", "-q", "-i", file.name],
                prefix=prefix,
                timeout=TIMEOUT,
            )
        except OperationFailed as error:
            if NO_SPACE in error.detail or "took longer" in error.message:
                raise explained(error) from None
