"""What the scripts share that run on a runner's own Python, where no package is installed."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..problems import CoursehubError, Failure
from .workflow_commands import add_summary, error, is_actions, notice, say, set_outputs

DONE, FAILED = 0, 1


@dataclass(frozen=True)
class Said:
    """What came of it: one sentence, which is the summary's first line; Markdown below it; outputs for later
    steps. What is `noticed` is shown with the run as well. An empty `headline` needs no telling."""

    headline: str
    markdown: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)
    noticed: bool = False


def run(description: str, act: Callable[[Mapping[str, str]], Said]) -> int:
    """Do one script's work, which gets all it needs from the environment, and tell what came of it; the exit
    code is 0, or 1 for a failure."""
    argparse.ArgumentParser(description=description).parse_args()
    environ = os.environ
    try:
        result = act(environ)
    except CoursehubError as refusal:
        tell_failure(refusal, environ)
        return FAILED
    if result.headline:
        print(result.headline, flush=True)
        add_summary(f"### {result.headline}\n\n{result.markdown}\n", environ)
    if result.noticed:
        say([notice(f"{result.headline}\n{result.markdown}".strip())], environ)
    set_outputs(result.outputs, environ)
    return DONE


def tell_failure(refusal: CoursehubError, environ: Mapping[str, str]) -> None:
    """The error in the log, at the run, and in the summary."""
    fix = f". What to do: {refusal.fix}" if isinstance(refusal, Failure) and refusal.fix else ""
    message = refusal.message if isinstance(refusal, Failure) else str(refusal)
    if not is_actions(environ):
        print(f"Failed: {message}{fix}", file=sys.stderr, flush=True)
    say([error(f"{message}{fix}", title="What could not be done")], environ)
    add_summary(f"### Failed: {message}{fix}\n", environ)
