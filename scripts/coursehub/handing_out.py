"""The one place where a script's result leaves it: JSON on standard output; in Actions also annotations, the
job summary, and outputs for later steps."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from .github.annotations import annotations
from .github.workflow_commands import add_summary, cut, say, set_outputs
from .job_summary import plan_comment, summary
from .outcome import Outcome
from .problems import CoursehubError
from .report import SHOWN, as_json

COMMENT_CHARACTERS = 60_000
"""GitHub takes comments of 65,536 characters."""
VALUE_BYTES = 120_000
"""An output becomes an environment variable of a later step, for which Linux has 128 KiB."""
COMMENT_CUT = "\n\n*The plan is longer than a comment may be, and was cut: the job summary has all of it.*\n"


def publish(
    result: Outcome | CoursehubError, as_json_too: bool, root: Path | None = None, *, comment: bool = False
) -> None:
    """Hand a deploy's result, or any script's error, out. `root` is the course's folder; with `comment`,
    there is also an output for a comment on a pull request."""
    outputs = {}
    if comment:
        outputs["comment"] = cut(plan_comment(result), COMMENT_CHARACTERS, VALUE_BYTES, COMMENT_CUT)
    hand_out(summary(result), as_json(result), as_json_too, annotated(result, root), outputs)


def annotated(result: Outcome | CoursehubError, root: Path | None = None) -> list[str]:
    """The result as annotations of files, which GitHub names from the workspace on."""
    return annotations(result, root or Path(), Path(os.environ.get("GITHUB_WORKSPACE") or "."))


def hand_out(
    markdown: str,
    value: str,
    as_json_too: bool,
    lines: Iterable[str] = (),
    outputs: Mapping[str, str] | None = None,
) -> None:
    """Tell GitHub: the job summary, the lines of annotations, and the outputs, to which `verdict` and
    `result`, the JSON value, are added. The JSON also goes to standard output when asked for."""
    say(lines, os.environ)
    add_summary(markdown, os.environ)
    verdict = json.loads(value)["verdict"]
    set_outputs({"verdict": verdict, "result": short_enough(value), **(outputs or {})}, os.environ)
    if as_json_too:
        print(value, file=sys.stdout, flush=True)


def short_enough(value: str) -> str:
    """A JSON object that a later step can be given: where it would be too long, lists have their first items
    only, and texts their beginning."""
    for most in (SHOWN, 3, 0):
        if len(value.encode()) <= VALUE_BYTES:
            return value
        value = json.dumps(shortened(json.loads(value), most))
    return value


def shortened(value, most: int):
    """A JSON value without all but the first items of long lists, or objects, below its own."""
    if isinstance(value, dict):
        return {key: _first(item, most) for key, item in value.items()}
    return value


def _first(value, most: int):
    if isinstance(value, list):
        return [_first(item, most) for item in value[:most]]
    if isinstance(value, dict):
        return {key: _first(item, most) for key, item in list(value.items())[: max(most, 10)]}
    return value[:4000] if isinstance(value, str) else value
