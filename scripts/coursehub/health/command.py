"""`scripts/check_health.py`: is the hub up? Looked at from outside, as a student has it, and where there are
secrets for it, from inside (see `checking`); bounded in time.

Exit code 0: up, degraded, or nothing was deployed yet; 1: down; 2: the address cannot be right; 3: nobody can
tell from here.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from ..problems import Failure, InvalidInput
from .bounded import within
from .checking import check, means_of
from .flight import AUTO, MODES, ONLY, alone, failed, with_canary
from .model import DOWN, NONE, UNKNOWN, Hub, Limits, Verdict, hub_from
from .ordering import order_by
from .report import annotation, as_json, lines, summary

CODES = {DOWN: 1, UNKNOWN: 3}
BAD_INPUT = 2
CONTROLS = (("github.com", 443), ("www.digitalocean.com", 443))
"""What is looked at, beside GitHub as this run has it, to tell a hub that is down from a network that is."""
ON_GITHUB = {"GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"}
RECORD_PATIENCE = 20.0
NOTHING = Verdict(
    NONE,
    None,
    "Nothing was deployed yet, so there is no hub to look at",
    "deploy the course, or give the hub's address with --url or as HUB_URL",
)
Recorded = Callable[[Mapping[str, str]], Mapping[str, Any] | None]


def run(description: str) -> int:
    """Look, tell, and return the exit code."""
    arguments = parser(description).parse_args()
    limits = Limits(whole=arguments.limit, spacing=arguments.spacing)
    try:
        hub, deployed = find_hub(arguments.url, os.environ, recorded)
        verdict = hub
        if isinstance(hub, Hub):
            means = means_of(os.environ, deployed)
            order, mode = order_by(means.way), arguments.canary
            if mode == ONLY:
                verdict = alone(hub, order)
            else:
                verdict = check(hub, limits, controls(os.environ), means)
                verdict = with_canary(verdict, mode, order, os.environ, deployed)
    except InvalidInput as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    except Failure as failure:
        title = f"Whether the hub is up is unknown: {failure.message}"
        verdict = Verdict(UNKNOWN, None, title, failure.fix)
    tell(verdict, arguments.json)
    if ON_GITHUB & os.environ.keys():
        tell_github(verdict, os.environ, workflow_commands())
    return 1 if arguments.canary == ONLY and failed(verdict) else CODES.get(verdict.state, 0)


def parser(description: str) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--url", help="the hub's address (default: HUB_URL, or what the last deploy recorded)")
    made.add_argument(
        "--canary",
        choices=MODES,
        default=AUTO,
        help="try the hub as a student does: when it is due (auto), now, not at all, or without a look",
    )
    made.add_argument("--json", action="store_true", help="print the result as JSON on standard output")
    for name, default, text in (
        ("--spacing", Limits.spacing, "seconds between two tries"),
        ("--limit", Limits.whole, "seconds for a look from outside"),
    ):
        made.add_argument(
            name, type=seconds, default=default, metavar="SECONDS", help=f"{text} ({default:g})"
        )
    return made


def seconds(text: str) -> float:
    """A length of time, as given on the command line."""
    value = float(text)
    if not 0 <= value <= 3600:
        raise argparse.ArgumentTypeError("give seconds, from 0 to 3600")
    return value


def find_hub(
    url: str | None, environ: Mapping[str, str], record: Recorded
) -> tuple[Hub | Verdict, Mapping[str, Any]]:
    """The hub that is given, or that was deployed, or that there is none and why; and what the last deploy
    recorded, {} where an address is given, which may be another hub's.

    Raises InvalidInput when the address is none, and Failure when the record cannot be read.
    """
    if url:
        return hub_from(url, "--url"), {}
    if given := environ.get("HUB_URL", "").strip():
        return hub_from(given, "HUB_URL"), {}
    try:
        deployed = within(RECORD_PATIENCE, lambda: record(environ))
    except TimeoutError as error:
        raise Failure(f"the record of deploys cannot be read: {error}", "look again later") from error
    if deployed is None or not deployed.get("url"):
        return without_hub((deployed or {}).get("verdict")), {}
    hub = hub_from(deployed["url"], "the record of the last deploy")
    return replace(hub, server=address_of(deployed.get("server"))), deployed


def address_of(server: Any) -> str | None:
    """The IP address of the server that was deployed to, where the record has one."""
    address = server.get("address") if isinstance(server, Mapping) else None
    try:
        return str(ipaddress.ip_address(address)) if isinstance(address, str) else None
    except ValueError:
        return None


def without_hub(verdict: str | None) -> Verdict:
    """Nothing to look at: nothing was deployed, or what was is "archived" or "destroyed"."""
    if verdict is None:
        return NOTHING
    return Verdict(
        NONE,
        None,
        f"The course is {verdict}, so there is no hub to look at",
        "deploy it when it is needed again",
    )


def recorded(environ: Mapping[str, str]) -> Mapping[str, Any] | None:
    """What the last deploy left about itself; in a run that has just deployed, what it says of itself."""
    from ..github import record, results  # only where no address is given

    return results.result_of(environ) or record.recorded(environ)


def controls(environ: Mapping[str, str]) -> tuple[tuple[str, int], ...]:
    """Servers that can be reached wherever there is a network."""
    parts = urlsplit(environ.get("GITHUB_SERVER_URL") or "https://github.com")
    own = (parts.hostname or "github.com", parts.port or (80 if parts.scheme == "http" else 443))
    return tuple(dict.fromkeys((own, *CONTROLS)))


def workflow_commands() -> Any:
    """GitHub's own language, which is spoken only there."""
    from ..github import workflow_commands

    return workflow_commands


def tell(verdict: Verdict, as_json_too: bool) -> None:
    """Say it to a person and, when asked, to programs."""
    for line in lines(verdict):
        print(line, file=sys.stderr if as_json_too else sys.stdout, flush=True)
    if as_json_too:
        print(as_json(verdict), flush=True)


def tell_github(verdict: Verdict, environ: Mapping[str, str], commands: Any) -> None:
    """Say it to the run: an annotation, the job summary, outputs for the steps that follow."""
    if note := annotation(verdict):
        kind, title, message = note
        commands.say([getattr(commands, kind)(message, title=title)], environ)
    commands.add_summary(summary(verdict), environ)
    commands.set_outputs({"state": verdict.state, "result": as_json(verdict)}, environ)
