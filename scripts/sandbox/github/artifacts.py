"""What stands in for actions/upload-artifact and actions/download-artifact: folders kept for each run."""

from __future__ import annotations

import fnmatch
import os
import shutil
from pathlib import Path

from sandbox.github.actions import ActionFailed, Call, stand_in

FORBIDDEN = '":<>|*?\r\n\\/'


@stand_in(
    "actions/upload-artifact", "name", "path", "if-no-files-found", "retention-days", "compression-level",
    "overwrite", "include-hidden-files",
)  # fmt: skip
def upload(call: Call) -> None:
    """Keep files for this run; hidden ones only if asked for."""
    name = call.inputs.get("name") or "artifact"
    if any(character in name for character in FORBIDDEN):
        raise ActionFailed(f"the artifact name {name!r} has a character that is not allowed")
    files, root = _found(call)
    if not files:
        _complain(call)
        return
    folder = _store(call) / name
    if folder.exists():
        if not call.flag("overwrite", False):
            raise ActionFailed(f"an artifact with the name {name} already exists on the run")
        shutil.rmtree(folder)
    for file in files:
        target = folder / file.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)  # an artifact keeps no permissions
    call.say(f"Artifact {name} has been successfully uploaded: {len(files)} files")
    call.outputs |= {"artifact-id": str(len(list(folder.parent.iterdir())))}


def _complain(call: Call) -> None:
    message = f"No files were found with the provided path: {call.inputs.get('path', '')}"
    manner = call.inputs.get("if-no-files-found") or "warn"
    if manner == "error":
        raise ActionFailed(message)
    if manner == "warn":
        call.listener.annotate("warning", message)
    call.say(message)


def _found(call: Call) -> tuple[list[Path], Path]:
    """The files, and the folder that their paths in the artifact start from."""
    patterns = [line.strip() for line in call.inputs.get("path", "").split("\n") if line.strip()]
    if not patterns:
        raise ActionFailed("Input required and not supplied: path")
    roots, files = [], set()
    for pattern in patterns:
        excluding = pattern.startswith("!")
        searched, matches = _matching(call, pattern.removeprefix("!"))
        if not call.flag("include-hidden-files", False):
            matches = {file for file in matches if not _is_hidden(file.relative_to(searched.parent))}
        if excluding:
            files -= matches
        else:
            roots.append(searched)
            files |= matches
    if len(roots) == 1:
        root = roots[0] if roots[0].is_dir() else roots[0].parent
    else:
        root = Path(os.path.commonpath([root if root.is_dir() else root.parent for root in roots]))
    return sorted(files), root


def _matching(call: Call, pattern: str) -> tuple[Path, set[Path]]:
    """The fixed part of a pattern, and the files that match it or lie below a match."""
    path = call.place(pattern)
    parts = path.parts
    fixed = next(
        (index for index, part in enumerate(parts) if any(sign in part for sign in "*?[")), len(parts)
    )
    base = Path(*parts[:fixed])
    if fixed == len(parts):
        matches = [base] if base.exists() else []
    else:
        matches = list(base.glob("/".join(parts[fixed:])))
    files = {file for match in matches for file in (match.rglob("*") if match.is_dir() else [match])}
    return base, {file for file in files if file.is_file()}


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


@stand_in("actions/download-artifact", "name", "path", "pattern", "merge-multiple", "run-id", "github-token")
def download(call: Call) -> None:
    """Bring one artifact, or every one into a folder of its name."""
    target = call.place(call.inputs.get("path") or ".")
    name = call.inputs.get("name")
    store = _store(call, call.inputs.get("run-id"))
    if name:
        if not (store / name).is_dir():
            raise ActionFailed(f"Unable to download artifact(s): Artifact not found for name: {name}")
        shutil.copytree(store / name, target, dirs_exist_ok=True, copy_function=shutil.copyfile)
    else:
        pattern = call.inputs.get("pattern") or "*"
        flat = call.flag("merge-multiple", False)
        for folder in sorted(store.iterdir()) if store.is_dir() else []:
            if fnmatch.fnmatchcase(folder.name, pattern):
                place = target if flat else target / folder.name
                shutil.copytree(folder, place, dirs_exist_ok=True, copy_function=shutil.copyfile)
    call.outputs["download-path"] = str(target.resolve())


def _store(call: Call, run_id: str | None = None) -> Path:
    return call.machine.shared.directory / "artifacts" / (run_id or str(call.machine.identity.run_id))
