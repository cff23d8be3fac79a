"""What the API refuses, in words; and the scopes that a token needs, held against the specification."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from specification import specification_file

from coursehub.cloud.errors import Refused, Uncertain, explained, scope

CLOUD = Path(__file__).parents[2] / "scripts/coursehub/cloud"


def calls() -> set[str]:
    """Every call of the API's that the program makes."""
    texts = "\n".join(path.read_text() for path in CLOUD.glob("*.py"))
    found = re.findall(
        r'(?:read|everything|write|act|ask)\(\s*(?:account[\w.]*, )?"([a-z_]+\.[a-z_]+)"', texts
    )
    assert len(found) > 25
    return set(found)


def test_each_call_names_the_scope_that_the_specification_asks_for():
    file = specification_file()
    if file is None:
        pytest.skip("the specification is not at hand")
    asked = {}
    for operations in json.loads(file.read_text())["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict) and "security" in operation:
                wanted = {name for one in operation["security"] for name in one["bearer_auth"]}
                asked[operation["operationId"].lower().replace("_", "")] = wanted
    for call in sorted(calls()):
        key = call.replace(".", "").replace("_", "")
        assert key in asked, f"{call} is no operation of the specification"
        assert scope(call) in asked[key], f"{call}: {scope(call)}, not one of {asked[key]}"


def refused(status: int, message: str = "what DigitalOcean said") -> Refused:
    return Refused("droplets.create", status, "kind", message, number="1-2-3")


SAID = {
    "token": (refused(401), "DIGITALOCEAN_TOKEN", "make a new one"),
    "scope": (refused(403), "droplet:create", "DigitalOcean.md"),
    "payment": (refused(402), "payment", "billing"),
    "payment, differently": (refused(403, "your account is locked"), "payment", "billing"),
    "limit": (refused(422, "creating this will exceed your droplet limit"), "limit", "higher limit"),
    "too many": (refused(429), "limit of requests", "in an hour"),
    "outage": (refused(503), "does not answer as it should", "status.digitalocean.com"),
    "no answer": (refused(0), "does not answer as it should", "status.digitalocean.com"),
    "anything else": (refused(422), "refused droplets.create", "correct"),
}


@pytest.mark.parametrize(("problem", "words", "fix"), SAID.values(), ids=SAID)
def test_what_a_person_is_told(problem, words, fix):
    failure = explained(problem)
    assert words in failure.message and fix in failure.fix
    assert problem.message in failure.message + failure.detail


def test_only_what_may_have_been_done_is_uncertain():
    answers = (0, 400, 401, 403, 404, 409, 422, 429, 500, 503)
    assert [status for status in answers if refused(status).passes] == [0, 429, 500, 503]
    assert "look" in Uncertain(refused(500)).fix
