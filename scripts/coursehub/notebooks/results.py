"""What came of running the notebooks: for the terminal, the job summary, annotations and readers of JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ..github.workflow_commands import error
from ..parts.content import count

FIX = "correct the cell; if it is meant to fail, give it the tag raises-exception"


@dataclass(frozen=True)
class NotebookFailure:
    """Why a notebook fails. `file` is relative to the course's repository and `line` one of that file's, from
    1; `cell` counts the notebook's cells from 1, 0 where no cell is to blame."""

    file: str
    line: int
    cell: int
    title: str
    message: str


@dataclass(frozen=True)
class NotebookResult:
    """How one notebook went; `path` is below content/, `seconds` wall time."""

    path: str
    seconds: float
    failure: NotebookFailure | None = None


@dataclass(frozen=True)
class Results:
    """Of all notebooks: those that were run and those that were left out. `generation` names the environment;
    `why_none` says why none was run, if none was."""

    ran: tuple[NotebookResult, ...] = ()
    excluded: tuple[str, ...] = ()
    generation: str = ""
    why_none: str = ""
    notes: tuple[str, ...] = ()

    @property
    def failures(self) -> list[NotebookFailure]:
        return [result.failure for result in self.ran if result.failure]

    @property
    def headline(self) -> str:
        """What happened, in one line."""
        if not self.ran:
            return f"No notebook was run: {self.why_none}"
        if not self.failures:
            return f"{count(len(self.ran), 'notebook')} ran from top to bottom without an error"
        return f"{len(self.failures)} of {count(len(self.ran), 'notebook')} failed: {FIX}"


def summary(results: Results) -> str:
    """The job summary as Markdown."""
    lines = [f"### {results.headline}", ""]
    lines += [f"> {note}\n" for note in results.notes]
    rows = [(one.path, f"{one.seconds:.1f}", said(one)) for one in results.ran]
    rows += [(path, "", "left out (notebooks.exclude)") for path in results.excluded]
    if rows:
        lines += ["| notebook | seconds | result |", "|---|---|---|"]
        lines += ["| " + " | ".join(map(in_a_table, row)) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def said(result: NotebookResult) -> str:
    """A notebook's result in a few words."""
    failure = result.failure
    return f"**{failure.title}** (line {failure.line}): {failure.message}" if failure else "good"


def in_a_table(text: str) -> str:
    """Text that cannot break a Markdown table or become HTML there."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("`", "'")
    return "<br>".join(line.strip() for line in escaped.splitlines())


def as_value(results: Results) -> dict:
    """The results as a JSON value."""
    verdict = "failed" if results.failures else "passed" if results.ran else "skipped"
    ran = [asdict(one) | {"seconds": round(one.seconds, 3)} for one in results.ran]
    return {
        "verdict": verdict,
        "generation": results.generation,
        "notebooks": ran,
        "excluded": list(results.excluded),
        "message": results.headline,
        "notes": list(results.notes),
    }


def annotations(
    failures: Sequence[NotebookFailure], root: Path, workspace: Path, said: Callable[..., str] = error
) -> list[str]:
    """The lines that make Actions show each failure beside its line, `said` as an error or a warning. `root`
    is the course's folder; annotations name files from `workspace`, the repository's, on."""
    root, workspace = root.resolve(), workspace.resolve()
    inside = root.relative_to(workspace) if root.is_relative_to(workspace) else Path()
    return [
        said(one.message, file=(inside / one.file).as_posix(), line=one.line, title=one.title)
        for one in failures
    ]
