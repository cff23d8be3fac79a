"""Projects, and what belongs to which."""

from __future__ import annotations

import uuid

from sandbox.cloud.core import Answer, Call, Route, found, page
from sandbox.cloud.errors import ApiError, conflict, unprocessable
from sandbox.cloud.state import Record, State, now

CHANGEABLE = ("name", "description", "purpose", "environment")
ENVIRONMENTS = ("Development", "Staging", "Production")
DEFAULT = "default"
# What a URN's kind is, and where it is shown.
KINDS = {
    "droplet": ("droplets", "/v2/droplets/"),
    "volume": ("volumes", "/v2/volumes/"),
    "floatingip": ("reserved_ips", "/v2/floating_ips/"),
    "domain": ("domains", "/v2/domains/"),
}


def urn(kind: str, identifier: object) -> str:
    """The name by which projects know a resource."""
    return f"do:{kind}:{identifier}"


def assign_to_default(state: State, name: str) -> None:
    """Where every new resource goes."""
    state.resources[name] = {"project_id": project_of(state, DEFAULT)["id"], "assigned_at": now()}


def forget(state: State, name: str) -> None:
    """The resource is gone."""
    state.resources.pop(name, None)


def project_of(state: State, identifier: str) -> Record:
    """A project by its id, or the default one. Raises ApiError (404)."""
    if identifier == DEFAULT:
        return next(entry for entry in state.projects.values() if entry["is_default"])
    return found(state.projects, identifier)


def _project(call: Call) -> Record:
    return project_of(call.state, call.parameters["project"])


def list_projects(call: Call) -> Answer:
    """All projects."""
    return page(call, "projects", call.state.projects.values())


def create_project(call: Call) -> Answer:
    """A project under a name of its own."""
    name, purpose = call.text("name"), call.text("purpose")
    _check(call, name, call.body.get("environment", "Development"))
    project = {
        "id": str(uuid.uuid4()),
        "owner_uuid": project_of(call.state, DEFAULT)["owner_uuid"],
        "owner_id": 1,
        "name": name,
        "description": call.body.get("description", ""),
        "purpose": purpose,
        "environment": call.body.get("environment", "Development"),
        "created_at": now(),
        "updated_at": now(),
        "is_default": False,
    }
    call.state.projects[project["id"]] = project
    return Answer(201, {"project": project})


def _check(call: Call, name: str, environment: str, present: Record | None = None) -> None:
    if any(entry["name"] == name and entry is not present for entry in call.state.projects.values()):
        raise conflict("name is already in use")
    if environment not in ENVIRONMENTS:
        raise unprocessable(f"environment must be one of {', '.join(ENVIRONMENTS)}")


def get_project(call: Call) -> Answer:
    """One project."""
    return Answer(200, {"project": _project(call)})


def change_project(call: Call) -> Answer:
    """What the body names, anew."""
    project = _project(call)
    changed = {name: call.body[name] for name in CHANGEABLE if name in call.body}
    merged = {**project, **changed}
    _check(call, merged["name"], merged["environment"], project)
    project |= {**changed, "updated_at": now()}
    return Answer(200, {"project": project})


def delete_project(call: Call) -> Answer:
    """Delete a project that has nothing in it."""
    project = _project(call)
    if any(entry["project_id"] == project["id"] for entry in call.state.resources.values()):
        raise ApiError(412, "cannot delete a project with resources")
    del call.state.projects[project["id"]]
    return Answer(204)


def _resource(call: Call, name: str, status: str) -> Record:
    _, kind, identifier = name.split(":", 2)
    link = f"{call.cloud.url}{KINDS[kind][1]}{identifier}"
    assigned = call.state.resources[name]["assigned_at"]
    return {"urn": name, "assigned_at": assigned, "links": {"self": link}, "status": status}


def list_resources(call: Call) -> Answer:
    """What belongs to a project."""
    project = _project(call)
    names = [name for name, entry in call.state.resources.items() if entry["project_id"] == project["id"]]
    return page(call, "resources", [_resource(call, name, "ok") for name in names])


def assign_resources(call: Call) -> Answer:
    """Move resources to a project, by their URNs."""
    project, names = _project(call), call.body.get("resources") or []
    for name in names:
        kind, _, identifier = name.removeprefix("do:").partition(":")
        if kind not in KINDS:
            raise unprocessable(f"{name} is not a valid urn")
        found(getattr(call.state, KINDS[kind][0]), identifier)
    for name in names:
        call.state.resources[name] = {"project_id": project["id"], "assigned_at": now()}
    return Answer(200, {"resources": [_resource(call, name, "assigned") for name in names]})


ROUTES = (
    Route("GET", "/v2/projects", "project:read", list_projects),
    Route("POST", "/v2/projects", "project:create", create_project),
    Route("GET", "/v2/projects/{project}", "project:read", get_project),
    Route("PUT", "/v2/projects/{project}", "project:update", change_project),
    Route("PATCH", "/v2/projects/{project}", "project:update", change_project),
    Route("DELETE", "/v2/projects/{project}", "project:delete", delete_project),
    Route("GET", "/v2/projects/{project}/resources", "project:read", list_resources),
    Route("POST", "/v2/projects/{project}/resources", "project:assign_resource", assign_resources),
)
