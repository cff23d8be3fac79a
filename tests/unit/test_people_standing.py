"""Who may come in, and as what, on the spot: what each verb asks of the droplet, refuses, and tells."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from test_people_command import Droplet, Terminal, known

from coursehub.droplet import by_hand, users
from coursehub.droplet.system import OperationFailed
from coursehub.lifecycle.told import as_json, markdown
from coursehub.parts import by_hand as part
from coursehub.people import command, doing, listing, privacy
from coursehub.people.situation import Situation
from coursehub.problems import Failure, InvalidInput
from coursehub.roster.people import Person, Place, Roster

ENTRY = {"since": "2025-11-29T10:00:00+00:00", "by": "alan"}
ROSTER = Roster(
    (
        Person("teacher", "admin"),
        Person("grace", "assistant", ("monday",)),
        Person("ada", None, ("monday",), Place("course.yml", 7)),
        Person("secretive", None, (), Place("secret HUB_USERS", 3)),
    )
)


def course(**changes):
    made = {
        "admins": ("teacher",),
        "users": ("grace", "ada", "secretive"),
        "sign_in": "first-use",
        "roster": ROSTER,
        "identities": {},
        "https": SimpleNamespace(domain=None),
        "google": SimpleNamespace(domain="school.edu", everyone=False),
    }
    return SimpleNamespace(**(made | changes))


def seen(**changes):
    listed = {"allowed": ["teacher", "grace", "ada", "secretive"], "admin": ["teacher"]}
    made = {
        "people": {"teacher": known(admin=True), "ada": known(), "grace": known(), "left": known()},
        "homes": {"jupyter-ada": 5, "jupyter-left": 5},
        "by_hand": {"added": {}, "blocked": {}, "admins": {}},
        "unfinished": [],
        "deployed": listed,
    }
    return made | changes


def noted(**kinds):
    return {"added": {}, "blocked": {}, "admins": {}} | {k: dict.fromkeys(v, ENTRY) for k, v in kinds.items()}


def decide(verb, name, *, settings=None, what=None, names=True, password="a secret word", confirmed=""):
    settings, what = settings or course(), what or seen()
    people = listing.people_from(settings, what)
    person = next((one for one in people if one.name == name), None)
    at = Situation(name, person, people, settings, what, ENTRY, names, password, confirmed)
    return command.VERBS[verb][0](at)


def standing(name, **changes):
    made = {"name": name, "allowed": True, "named": True, "admin": False, "assistant": False, "groups": []}
    return made | changes


# Let in


def test_somebody_new_is_let_in_and_noted():
    act = decide("add", "zoe")
    assert act.operation == "people.settle"
    assert act.parameters == {
        "person": standing("zoe", groups=["students"]),
        "account": "jupyter-zoe",
        "entries": {"added": ENTRY},
        "stop": False,
    }
    assert act.told.title == "zoe may come in now" and any(
        "Write the name" in note for note in act.told.notes
    )


def test_somebody_whom_the_list_names_already():
    assert decide("add", "ada").operation is None
    coming = seen(deployed={"allowed": ["teacher"], "admin": ["teacher"]})
    act = decide("add", "ada", what=coming)
    assert act.parameters["person"] == standing("ada", groups=["monday", "students"])
    assert act.parameters["entries"] == {"added": ENTRY}, "it holds until the deploy that brings the list"
    act = decide("add", "zoe", what=seen(by_hand=noted(added=["zoe"])))
    assert act.parameters["entries"] == {}, "once more, and the day stays"


@pytest.mark.parametrize("name", ["Zoe", "a b", "-x", "a" * 65, "zoë", "../x"])
def test_what_is_no_name(name):
    with pytest.raises(InvalidInput, match="is not an account name"):
        decide("add", name)


def test_who_is_blocked_is_not_let_in_by_the_way():
    for verb in ("add", "make-admin"):
        with pytest.raises(InvalidInput, match="is blocked"):
            decide(verb, "ada", what=seen(by_hand=noted(blocked=["ada"])))


def test_how_they_log_in():
    assert "choose a password" in decide("add", "zoe").told.notes[0]
    old = decide("add", "left")
    assert old.told.notes[0] == "The password is the one of before"
    assert "/hub/signup" in decide("add", "zoe", settings=course(sign_in="sign-up")).told.notes[0]
    elsewhere = course(sign_in="google")
    assert "identities" in decide("add", "zoe", settings=elsewhere).told.notes[0]
    waits = seen(people={"zoe": known(approved=False)})
    assert (
        "/hub/authorize" in decide("add", "zoe", settings=course(sign_in="sign-up"), what=waits).told.notes[0]
    )


# Shut out, and back


def test_a_block_stops_the_server_and_is_noted():
    act = decide("block", "ada")
    assert act.parameters["stop"] and act.parameters["person"]["allowed"] is False
    assert act.parameters["entries"] == {"blocked": ENTRY}
    again = decide("block", "ada", what=seen(by_hand=noted(blocked=["ada"])))
    assert again.parameters["entries"] == {} and again.parameters["stop"], "a rerun ends what was cut off"


def test_the_only_admin_is_not_shut_out():
    with pytest.raises(InvalidInput, match="is the only admin"):
        decide("block", "teacher")
    two = seen(by_hand=noted(admins=["ada"]))
    assert decide("block", "teacher", what=two).operation == "people.settle"
    with pytest.raises(InvalidInput, match="is the only admin"):
        decide("block", "teacher", what=seen(by_hand=noted(admins=["ada"], blocked=["ada"])))


def test_a_block_taken_back_gives_what_the_list_says():
    blocked = seen(by_hand=noted(blocked=["grace", "left", "zoe", "ada"], added=["zoe"], admins=["ada"]))
    grace = decide("unblock", "grace", what=blocked).parameters
    assert grace["person"] == standing("grace", assistant=True, groups=["monday"])
    assert grace["entries"] == {"blocked": None} and not grace["stop"]
    zoe = decide("unblock", "zoe", what=blocked).parameters["person"]
    assert zoe == standing("zoe", groups=["students"])
    assert decide("unblock", "ada", what=blocked).parameters["person"]["admin"]
    left = decide("unblock", "left", what=blocked)
    assert not left.parameters["person"]["allowed"] and "may not come in" in left.told.title
    assert decide("unblock", "ada").operation is None
    approved = seen(people={"left": known(approved=True)}, by_hand=noted(blocked=["left"]))
    back = decide("unblock", "left", settings=course(sign_in="sign-up"), what=approved).parameters["person"]
    assert (back["allowed"], back["named"]) == (True, False), "approved, and no more than that"


# Admins


def test_an_admin_is_never_left_to_who_comes_first():
    fresh = seen(people={"ada": known(password="absent")})
    act = decide("make-admin", "ada", what=fresh)
    assert act.secrets == {"password": "a secret word"} and "a secret" not in str(act.parameters)
    assert act.parameters["person"] == standing("ada", admin=True, groups=["monday"])
    assert act.parameters["entries"] == {"admins": ENTRY} and act.parameters["method"] == "first-use"
    with pytest.raises(InvalidInput, match="HUB_ADMIN_PASSWORD"):
        decide("make-admin", "ada", what=fresh, password=None)
    assert decide("make-admin", "ada", password=None).secrets == {}, "who has a password keeps it"
    with pytest.raises(InvalidInput, match="identities"):
        decide("make-admin", "ada", settings=course(sign_in="google"))
    mapped = course(sign_in="google", identities={"ada": "ada@school.edu"})
    assert decide("make-admin", "ada", settings=mapped, what=fresh, password=None).secrets == {}


def test_who_may_become_an_admin():
    with pytest.raises(InvalidInput, match="may not come in"):
        decide("make-admin", "left")
    assert decide("make-admin", "teacher").operation is None
    act = decide("make-admin", "zoe", what=seen(by_hand=noted(added=["zoe"])))
    assert act.parameters["person"]["admin"] and act.secrets


def test_an_assistant_who_is_an_admin_for_a_while():
    made = decide("make-admin", "grace").parameters["person"]
    assert (made["admin"], made["assistant"], made["groups"]) == (True, False, ["monday"])
    back = decide("revoke-admin", "grace", what=seen(by_hand=noted(admins=["grace"]))).parameters
    assert back["person"] == standing("grace", assistant=True, groups=["monday"])
    assert back["stop"] and back["entries"] == {"admins": None}
    with pytest.raises(InvalidInput, match="is an admin by the list"):
        decide("revoke-admin", "teacher")
    dropped = course(admins=(), users=("teacher", "ada"))
    with pytest.raises(InvalidInput, match="Deploy first"):
        decide("revoke-admin", "teacher", settings=dropped)


# Who left


def test_an_account_is_deleted_only_of_who_is_off_the_list():
    with pytest.raises(InvalidInput, match=r"course\.yml, line 7"):
        decide("remove", "ada")
    off = course(users=("grace",), roster=Roster(ROSTER.people[:2]))
    with pytest.raises(InvalidInput, match="Deploy first"):
        decide("remove", "ada", settings=off)
    act = decide("remove", "left")
    assert act.parameters == {
        "name": "left", "account": "jupyter-left", "method": "first-use", "blocked": False
    }  # fmt: skip
    assert any("/home/jupyter-left" in note for note in act.told.notes)
    blocked = seen(by_hand=noted(blocked=["left"]))
    assert decide("remove", "left", what=blocked).parameters["blocked"]


@pytest.mark.parametrize("verb", ["archive-files", "remove-files"])
def test_files_are_only_of_who_left(verb):
    act = decide(verb, "left", confirmed="left")
    assert act.parameters == {"account": "jupyter-left"} and act.operation.endswith(verb.replace("-", "_"))
    with pytest.raises(InvalidInput, match="list"):
        decide(verb, "ada", confirmed="ada")
    with pytest.raises(InvalidInput, match="Did you mean left"):
        decide(verb, "lefft", confirmed="lefft")
    with pytest.raises(InvalidInput, match="may come in still"):
        decide(verb, "left", confirmed="left", what=seen(by_hand=noted(added=["left"])))
    with pytest.raises(InvalidInput, match="server that runs"):
        decide(verb, "left", confirmed="left", what=seen(people={"left": known(running=True)}))
    signed_up = seen(people={"left": known(approved=True)})
    with pytest.raises(InvalidInput, match="may come in still"):
        decide(verb, "left", confirmed="left", what=signed_up, settings=course(sign_in="sign-up"))
    gone = seen(people={}, homes={}, unfinished=["jupyter-left"])
    assert decide(verb, "left", confirmed="left", what=gone).operation, "what was cut off can be ended"


def test_removing_takes_the_name_twice():
    for typed in ("", "lefft"):
        with pytest.raises(InvalidInput, match="typed again"):
            decide("remove-files", "left", confirmed=typed)


# In public


@pytest.mark.parametrize("verb", command.VERBS)
def test_in_public_nobody_is_named(verb):
    name = "left" if "files" in verb or verb == "remove" else "zoe" if verb == "add" else "ada"
    act = decide(verb, name, names=False, confirmed=name)
    droplet = Droplet(**{act.operation or "x": {"archive": f"/home/a/jupyter-{name}.tar.gz", "bytes": 5}})
    at = SimpleNamespace(name=name, names=False, people=[])
    told = doing.do(droplet, Terminal(), at, act)
    assert name not in (markdown(told) + as_json(told)).replace("who left", "").replace("already", "")
    assert privacy.WHY in told.notes


@pytest.mark.parametrize("verb", command.VERBS)
def test_in_public_no_refusal_names_anybody(verb):
    for name in ("teacher", "secretive", "nobody-at-all", "../x"):
        try:
            decide(verb, name, names=False)
        except InvalidInput as error:
            assert name not in str(error)


def test_an_error_of_the_droplets_names_nobody_in_public():
    class Failing(Droplet):
        def call(self, operation, parameters, **_):
            if operation.startswith("people."):
                raise Failure("cannot touch /home/jupyter-left/x of left", "ask left")
            return super().call(operation, parameters)

    act, droplet = decide("remove", "left"), Failing()
    with pytest.raises(Failure) as caught:
        doing.do(droplet, Terminal(), SimpleNamespace(name="left", names=False, people=[]), act)
    assert "left" not in caught.value.message + caught.value.fix
    assert droplet.asked[-1][1]["entry"]["verdict"] == "failed"


def test_every_change_takes_the_lock_and_leaves_a_line():
    droplet = Droplet(**{"people.settle": None})
    at = SimpleNamespace(name="ada", names=True, people=[])
    doing.do(droplet, Terminal(), at, decide("block", "ada"))
    assert [operation for operation, _ in droplet.asked] == ["lock", "people.settle", "audit.record"]
    assert (droplet.asked[-1][1]["entry"]["person"], droplet.asked[-1][1]["entry"]["verdict"]) == (
        "ada",
        "blocked",
    )


# The list of people, and what a deploy says


def test_the_list_tells_what_is_by_hand():
    what = seen(by_hand=noted(added=["zoe"], blocked=["ada"], admins=["grace"]))
    people = {one.name: one for one in listing.people_from(course(), what)}
    assert listing.allowed(people["zoe"]) == "no, added by hand 29 Nov 2025"
    assert listing.allowed(people["ada"]) == "blocked since 29 Nov 2025"
    assert listing.allowed(people["grace"]) == "yes, admin by hand 29 Nov 2025"
    assert people["grace"].role == "admin"
    title = listing.told(list(people.values()), None, names=False).title
    assert title.endswith(", 2 by hand, 1 blocked")


def wish(names=True, **changes):
    roster = Roster(ROSTER.people, frozenset(), names)
    return part.want(course(roster=roster, **changes), None)


def test_a_deploy_leaves_it_and_reminds_of_it():
    what = noted(added=["zoe"], blocked=["ada"], admins=["grace"])
    assert part.plan(wish(), what, {}) == []
    lines = part.notes(wish(), what)
    assert lines[0] == (
        "zoe was let in by hand on 29 Nov 2025 by alan: add zoe to users in course.yml, or run: "
        "people.py remove zoe"
    )
    assert "grace was made an admin by hand" in lines[1] and "ada was blocked by hand" in lines[2]
    counted = part.notes(wish(names=False), what)
    assert counted[0] == f"1 person was let in by hand: {part.SEE}" and len(counted) == 3
    assert not any(name in " ".join(counted) for name in ("zoe", "ada", "grace", "alan"))


def test_a_deploy_forgets_what_the_list_says_by_now():
    what = noted(added=["ada", "zoe"], blocked=["ada"], admins=["teacher", "left", "zoe"])
    (step,) = part.plan(wish(), what, {})
    assert step.operation == "by_hand.forget"
    assert step.parameters == {"entries": {"added": ["ada"], "admins": ["left", "teacher"]}}
    assert "ada" not in step.title and "3 people" in step.title
    (step,) = part.plan(wish(sign_in="sign-up"), what, {})
    assert step.parameters["entries"]["admins"] == ["teacher"], "others may come in there, as admins too"


def test_what_is_noted_on_the_droplet(tmp_path, monkeypatch):
    monkeypatch.setattr(users, "STATE", tmp_path)
    assert by_hand.look() == noted()
    by_hand.change("ada", {"added": ENTRY, "blocked": ENTRY})
    by_hand.change("zoe", {"added": ENTRY, "admins": None})
    by_hand.change("ada", {"blocked": None})
    assert by_hand.look() == noted(added=["ada", "zoe"])
    assert (by_hand.path().stat().st_mode & 0o777) == 0o600
    by_hand.forget({"added": ["ada", "nobody"]})
    assert by_hand.look() == noted(added=["zoe"])
    for text in ("{", "[]", json.dumps({"added": 3})):
        by_hand.path().write_text(text)
        with pytest.raises(OperationFailed, match="cannot be read"):
            by_hand.look()
