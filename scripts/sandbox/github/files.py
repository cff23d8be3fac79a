"""The files through which a step speaks to the runner: GITHUB_OUTPUT, GITHUB_ENV and their like."""

from __future__ import annotations

import re
from pathlib import Path

KINDS = {
    "GITHUB_OUTPUT": "output",
    "GITHUB_ENV": "env",
    "GITHUB_PATH": "path",
    "GITHUB_STATE": "state",
    "GITHUB_STEP_SUMMARY": "summary",
}
SUMMARY_LIMIT = 1024 * 1024
"""Bytes that a step may write to its summary."""
FORBIDDEN = {"NODE_OPTIONS"}


class WrongFile(ValueError):
    """A step wrote what GitHub cannot read; the step fails."""


class CommandFiles:
    """The files of one step, in a folder of its own."""

    def __init__(self, folder: Path, name: str):
        folder.mkdir(parents=True, exist_ok=True)
        self.environment: dict[str, str] = {}
        for variable, kind in KINDS.items():
            path = folder / f"{kind}_{name}"
            path.touch()
            self.environment[variable] = str(path)

    def outputs(self) -> dict[str, str]:
        """The outputs that the step set. Raises WrongFile."""
        return self._pairs("GITHUB_OUTPUT")

    def variables(self) -> dict[str, str]:
        """The environment that later steps get. Raises WrongFile."""
        variables = self._pairs("GITHUB_ENV")
        for name in variables:
            if name.upper() in FORBIDDEN:
                raise WrongFile(f"GITHUB_ENV may not set {name}")
        return variables

    def paths(self) -> list[str]:
        """Folders to put before the PATH of later steps; the last one written comes first."""
        return [line for line in reversed(self._text("GITHUB_PATH").split("\n")) if line]

    def summary(self) -> str:
        """Markdown for the page of the run. Raises WrongFile if it is too long: GitHub then shows nothing."""
        text = self._text("GITHUB_STEP_SUMMARY")
        size = len(text.encode())
        if size > SUMMARY_LIMIT:
            raise WrongFile(
                f"$GITHUB_STEP_SUMMARY may have {SUMMARY_LIMIT // 1024}k, and has {size // 1024}k"
            )
        return text

    def _text(self, variable: str) -> str:
        return Path(self.environment[variable]).read_text(encoding="utf-8-sig", errors="replace")

    def _pairs(self, variable: str) -> dict[str, str]:
        try:
            return pairs(self._text(variable))
        except WrongFile as error:
            raise WrongFile(f"${variable}: {error}") from None


def pairs(text: str) -> dict[str, str]:
    """name=value lines and name<<DELIMITER blocks. Raises WrongFile for anything else."""
    found: dict[str, str] = {}
    # Not splitlines(), which ends lines at other characters too.
    lines = iter(re.split("\r\n|\r|\n", text))
    for line in lines:
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            name, _, value = line.partition("=")
        elif heredoc >= 0:
            name, _, delimiter = line.partition("<<")
            value = _block(lines, delimiter)
        else:
            raise WrongFile(f"invalid format {line!r}")
        if not name:
            raise WrongFile(f"no name in {line!r}")
        found[name] = value
    return found


def _block(lines, delimiter: str) -> str:
    if not delimiter:
        raise WrongFile("a block without a delimiter")
    block = []
    for line in lines:
        if line == delimiter:
            return "\n".join(block)
        block.append(line)
    raise WrongFile(f"the delimiter {delimiter!r} is missing at a block's end")
