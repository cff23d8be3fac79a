"""What the hub does for Coursehub while it runs: people come, leave and change, without a restart.

The text of this file is a part of the hub's configuration of its own: JupyterHub and the standard library
only, and nothing of ours. JupyterHub's own interface can add and delete accounts. What it cannot do is take
back from somebody what they hold already (cookies, tokens, roles) and keep the account with its password, nor
let somebody in who is to be let in from now on: the lists of who may come in are read when the hub starts.
"""

import os
import secrets
from pathlib import Path

from jupyterhub import orm
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.utils import maybe_future
from tornado.web import HTTPError

c = get_config()  # noqa: F821
TOKEN_FILE = Path("/opt/tljh/state/coursehub-token")
SCOPE = "custom:coursehub:people"
ASSISTANT = "assistant"


def own_token():
    """The word by which the hub knows Coursehub, made here when there is none. Only root reads the file."""
    if not TOKEN_FILE.exists():
        beside = TOKEN_FILE.with_suffix(".new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
        beside.replace(TOKEN_FILE)
    return TOKEN_FILE.read_text().strip()


class People(APIHandler):
    """POST {"people": [{"name", "allowed", "named", "admin", "assistant", "groups"}]}: so they are now.

    `named` tells whether the course names them, and not just an admin's approval. Whoever is not allowed
    keeps the account, the password and the files, and loses all else at once: cookies, tokens, roles and
    groups are gone, and no log-in is accepted. Their server is stopped by who asked. Doing it twice changes
    nothing.
    """

    async def post(self):
        if SCOPE not in self.expanded_scopes:
            raise HTTPError(403)
        people = self.get_json_body()["people"]
        if not all(self.authenticator.validate_username(one["name"]) for one in people):
            raise HTTPError(400, "Not everything here is the name of an account")
        names = [one["name"] for one in people]
        accounts = {user.name: user for user in self.db.query(orm.User).filter(orm.User.name.in_(names))}
        roles = {role.name: role for role in self.db.query(orm.Role)}
        groups = {group.name: group for group in self.db.query(orm.Group)}
        for one in people:
            account = accounts.get(one["name"])
            if not one["allowed"]:
                self.shut_out(one["name"], account)
                continue
            if account is None:
                account = accounts[one["name"]] = orm.User(name=one["name"])
                self.db.add(account)
            await self.let_in(one, account, roles, groups)
        self.db.commit()
        self.write({"settled": len(people)})

    async def let_in(self, one, account, roles, groups):
        rules, name = self.authenticator, one["name"]
        rules.blocked_users.discard(name)
        # With sign-up, this lets somebody in who asks for an account from now on, without an approval.
        (rules.allowed_users.add if one["named"] else rules.allowed_users.discard)(name)
        (rules.admin_users.add if one["admin"] else rules.admin_users.discard)(name)
        # As JupyterHub does for those whom it finds when it starts.
        await maybe_future(rules.add_user(account))
        account.admin = one["admin"]
        wanted = {"user": True, "admin": one["admin"], ASSISTANT: one["assistant"]}
        others = [role for role in account.roles if role.name not in wanted]
        mine = [roles[name] for name, given in wanted.items() if given and name in roles]
        account.roles = [*others, *mine]
        for name in set(one["groups"]) - set(groups):
            groups[name] = orm.Group(name=name, properties={"coursehub": True})
            self.db.add(groups[name])
        # Groups that the roster does not make are as the admins have them.
        others = [group for group in account.groups if not (group.properties or {}).get("coursehub")]
        mine = [groups[name] for name in one["groups"] if groups[name] not in others]
        account.groups = [*others, *mine]

    def shut_out(self, name, account):
        rules = self.authenticator
        rules.blocked_users.add(name)
        rules.allowed_users.discard(name)
        rules.admin_users.discard(name)
        if account is None:
            return
        account.admin, account.roles, account.groups = False, [], []
        for token in list(account.api_tokens):
            self.db.delete(token)
        # Every cookie of the hub's has this word in it.
        account.cookie_id = secrets.token_hex(16)


c.JupyterHub.custom_scopes.update({SCOPE: {"description": "Let the course's people in, and shut them out"}})
c.JupyterHub.services.append({"name": "coursehub", "api_token": own_token()})
c.JupyterHub.load_roles.append(
    {
        "name": "coursehub",
        "description": "What scripts/people.py and a deploy do to people",
        "scopes": [
            *(SCOPE, "read:users", "read:servers", "delete:users", "delete:servers"),
            # Where people come in from elsewhere, the check of the hub's health is let in by a token.
            "tokens!user=coursehub-canary",
        ],
        "services": ["coursehub"],
    }
)
c.JupyterHub.extra_handlers.append((r"/api/coursehub/people", People))
