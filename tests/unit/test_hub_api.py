"""How the droplet asks its hub, against a small one that answers as JupyterHub does."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from coursehub.droplet import hub_api
from coursehub.droplet.system import OperationFailed


class Hub(BaseHTTPRequestHandler):
    """Answers from `server.answers`: a list of (status, value) for each "VERB path", the last one again."""

    def reply(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        asked = f"{self.command} {self.path}"
        self.server.asked.append((asked, body, self.headers["Authorization"]))
        answers = self.server.answers.get(asked, [(404, {})])
        status, value = answers.pop(0) if len(answers) > 1 else answers[0]
        data = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = reply

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(tmp_path, monkeypatch):
    server = HTTPServer(("127.0.0.1", 0), Hub)
    server.answers, server.asked = {}, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(hub_api, "HUB_API", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setattr(hub_api, "TOKEN_FILE", tmp_path / "token")
    (tmp_path / "token").write_text("0123\n")
    yield server
    server.shutdown()
    server.server_close()


def calls(hub):
    return [asked for asked, *_ in hub.asked]


def test_people_are_settled_in_one_request(hub):
    hub.answers["POST /coursehub/people"] = [(200, {"settled": 1})]
    hub_api.settle([{"name": "ada", "allowed": False}])
    body = {"people": [{"name": "ada", "allowed": False}]}
    assert hub.asked == [("POST /coursehub/people", body, "token 0123")]


def test_a_hub_that_does_not_know_us_yet(hub):
    for status in (403, 404):
        hub.answers["POST /coursehub/people"] = [(status, {"message": "ada"})]
        with pytest.raises(OperationFailed) as caught:
            hub_api.settle([])
        assert caught.value.fix == hub_api.NOT_YET and "ada" not in caught.value.message
    hub_api.TOKEN_FILE.unlink()
    with pytest.raises(OperationFailed, match="configured before"):
        hub_api.settle([])


def test_a_hub_that_does_not_answer(hub, monkeypatch):
    monkeypatch.setattr(hub_api, "HUB_API", "http://127.0.0.1:9/")
    with pytest.raises(OperationFailed, match="does not answer"):
        hub_api.user("ada")


def test_a_server_is_waited_for_until_it_has_ended(hub):
    gone = {"server": None, "pending": None, "servers": {}}
    starts, runs = gone | {"pending": "spawn"}, gone | {"servers": {"": {}}}
    hub.answers |= {
        "GET /users/a%2Fb": [(200, starts), (200, runs), (200, gone)],
        "DELETE /users/a%2Fb/server": [(400, {}), (202, None)],
    }
    hub_api.stop_server("a/b")
    assert calls(hub) == [
        "GET /users/a%2Fb",
        "DELETE /users/a%2Fb/server",
        "GET /users/a%2Fb",
        "DELETE /users/a%2Fb/server",
        "GET /users/a%2Fb",
    ]


def test_a_server_that_does_not_stop(hub):
    hub.answers |= {"GET /users/ada": [(200, {"server": "/"})], "DELETE /users/ada/server": [(202, None)]}
    with pytest.raises(OperationFailed, match="does not stop"):
        hub_api.stop_server("ada", seconds=0.3)
    hub.answers["DELETE /users/ada/server"] = [(500, {})]
    with pytest.raises(OperationFailed, match="answered 500"):
        hub_api.stop_server("ada")


def test_an_account_is_deleted_with_its_server(hub):
    idle = {"server": None}
    hub.answers |= {
        "GET /users/ada": [(200, idle), (200, idle), (404, {})],
        "DELETE /users/ada": [(204, None)],
    }
    hub_api.delete_user("ada")
    assert calls(hub)[-2:] == ["DELETE /users/ada", "GET /users/ada"]
    hub.asked.clear()
    hub_api.delete_user("nobody")
    assert calls(hub) == ["GET /users/nobody", "GET /users/nobody"]
