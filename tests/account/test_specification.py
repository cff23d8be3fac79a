"""The validator catches what does not agree with the official specification."""

import pytest
from specification import VARIABLE, Validator, specification_file
from wanted import DROPLET, VOLUME

from sandbox.cloud.core import Answer, Request

KEY = {"ssh_key": {"id": 1, "fingerprint": "00:11", "public_key": "ssh-ed25519 AAAA", "name": "deploy"}}
WISH = {"name": "deploy", "public_key": "ssh-ed25519 AAAA"}
ERROR = {"id": "not_found", "message": "no"}


@pytest.fixture
def check(specification):
    """The violations of one exchange."""

    def violations(method, path, status, answer=None, body=None):
        validator = Validator(specification_file())
        validator(Request(method, path, body=body), Answer(status, answer))
        return validator.violations

    return violations


def test_right_exchange(check):
    assert check("POST", "/v2/account/keys", 201, KEY, WISH) == []
    assert check("DELETE", "/v2/account/keys/1", 204) == []
    assert check("GET", "/v2/account/keys/1", 404, ERROR) == []


@pytest.mark.parametrize(
    ("method", "path", "status", "answer", "body", "told"),
    [
        ("POST", "/v2/account/keys", 201, KEY, {"name": "deploy"}, "public_key"),
        ("POST", "/v2/account/keys", 201, KEY, {**WISH, "comment": "x"}, "unknown property comment"),
        ("POST", "/v2/account/keys", 201, KEY, None, "request"),
        ("POST", "/v2/account/keys", 201, {"ssh_key": {"name": "x"}}, WISH, "public_key"),
        ("POST", "/v2/account/keys", 200, KEY, WISH, "expected one of 201"),
        ("GET", "/v2/account/keys/1", 404, {"error": "no"}, None, "message"),
        ("DELETE", "/v2/account/keys/1", 204, {}, None, "no body"),
        ("GET", "/v2/keys", 200, {}, None, "no such operation"),
        ("GET", "/v2/droplets", 200, {"droplets": [], "links": {}}, None, "meta"),
        (
            "GET",
            "/v2/droplets",
            200,
            {"droplets": [{}], "links": {}, "meta": {"total": 1}},
            None,
            "droplets/0",
        ),
        ("POST", "/v2/volumes", 201, {"volume": {}}, {**VOLUME, "region": "mars1"}, "request"),
        ("POST", "/v2/volumes", 201, {"volume": {"size_gigabytes": "10"}}, VOLUME, "size_gigabytes"),
        ("POST", "/v2/droplets", 202, {}, DROPLET, "answer"),
    ],
)
def test_wrong_exchange(check, method, path, status, answer, body, told):
    assert any(told in violation for violation in check(method, path, status, answer, body))


def test_refused_request_may_be_wrong(check):
    assert check("POST", "/v2/account/keys", 422, ERROR, {"x": 1}) == []


def test_special_path_before_the_general_one(specification):
    _, described = specification.operation("GET", "/v2/droplets/backups/policies")
    assert described["operationId"] == "droplets_list_backup_policies"


def test_every_exchange_of_an_account_is_checked(account, client, validator, specification):
    client.account.get()
    account.state.account["status"] = "unheard of"
    client.account.get()
    assert validator.checked == 2
    assert [told for told in validator.violations if "unheard of" in told] == validator.violations != []
    validator.violations.clear()  # else this test fails, which is what they are for


def test_place_that_is_given_must_be_there(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nowhere.json"))
    with pytest.raises(FileNotFoundError, match=r"nowhere\.json"):
        specification_file()
