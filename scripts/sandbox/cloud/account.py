"""The account, its balance, and its SSH keys."""

from __future__ import annotations

import base64
import binascii
import hashlib

from sandbox.cloud.core import Answer, Call, Route, page
from sandbox.cloud.errors import not_found, unprocessable
from sandbox.cloud.state import Record, State, now

KEY_TYPES = ("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")


def get_account(call: Call) -> Answer:
    """Limits and status of the account."""
    return Answer(200, {"account": call.state.account})


def get_balance(call: Call) -> Answer:
    """What is owed."""
    return Answer(200, {**call.state.balance, "generated_at": now()})


def fingerprint(public_key: str) -> str:
    """MD5 of a key as in authorized_keys, in pairs of digits. Raises ApiError (422) for anything else."""
    try:
        kind, encoded = public_key.split()[:2]
        blob = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        kind, blob = "", b""
    if kind not in KEY_TYPES or kind.encode() not in blob[:40]:
        raise unprocessable("Key invalid, key should be of the format `type key [comment]`")
    digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    return ":".join(digest[start : start + 2] for start in range(0, len(digest), 2))


def key_by(state: State, identifier: object) -> Record | None:
    """A key by its id or its fingerprint."""
    for key in state.keys.values():
        if str(identifier) in (str(key["id"]), key["fingerprint"]):
            return key
    return None


def list_keys(call: Call) -> Answer:
    """All keys; ten times a minute at most, which the server sees to."""
    return page(call, "ssh_keys", call.state.keys.values())


def create_key(call: Call) -> Answer:
    """A new key, unless there is one with its fingerprint."""
    name, public_key = call.text("name"), call.text("public_key").strip()
    mark = fingerprint(public_key)
    if mark in call.state.keys:
        raise unprocessable("SSH Key is already in use on your account")
    key = {"id": call.state.next_id(), "fingerprint": mark, "public_key": public_key, "name": name}
    call.state.keys[mark] = key
    return Answer(201, {"ssh_key": key})


def _key(call: Call) -> Record:
    if key := key_by(call.state, call.parameters["key"]):
        return key
    raise not_found()


def get_key(call: Call) -> Answer:
    """A key by its id or its fingerprint."""
    return Answer(200, {"ssh_key": _key(call)})


def rename_key(call: Call) -> Answer:
    """The same key under another name."""
    key = _key(call)
    key["name"] = call.text("name")
    return Answer(200, {"ssh_key": key})


def delete_key(call: Call) -> Answer:
    """Forget a key; droplets that have it keep it."""
    del call.state.keys[_key(call)["fingerprint"]]
    return Answer(204)


ROUTES = (
    Route("GET", "/v2/account", "account:read", get_account),
    Route("GET", "/v2/customers/my/balance", "billing:read", get_balance),
    Route("GET", "/v2/account/keys", "ssh_key:read", list_keys),
    Route("POST", "/v2/account/keys", "ssh_key:create", create_key),
    Route("GET", "/v2/account/keys/{key}", "ssh_key:read", get_key),
    Route("PUT", "/v2/account/keys/{key}", "ssh_key:update", rename_key),
    Route("DELETE", "/v2/account/keys/{key}", "ssh_key:delete", delete_key),
)
