"""The canary's way through a hub: a small server that behaves as JupyterHub does, or as badly as can be."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from test_websocket import accept_of, frame, unmasked

from coursehub.health import canary, student_way
from coursehub.health.model import Hub, hub_from
from coursehub.problems import Failure
from hub_servers import closed_port

NAME, PASSWORD, TOKEN, PREFIX = "coursehub-canary", "a word", "a-token", "/opt/course/envs/abc"
API, SERVER = f"/hub/api/users/{NAME}", f"/user/{NAME}"
FORM = '<form><input type="hidden" name="_xsrf" value="first"/></form>'


@dataclass
class FakeHub:
    """`wrong` are the things that go wrong; `starts` counts how often a server was started."""

    wrong: dict = field(default_factory=dict)
    starts: int = 0
    runs: bool = False
    asked: list[str] = field(default_factory=list)
    code: str = ""

    def goes_wrong(self, name: str):
        """What was set for this; a number counts down, once for each time."""
        value = self.wrong.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            self.wrong[name] = value - 1
            return value > 0
        return value


def message(kind: str, number: str, **content) -> bytes:
    value = {"msg_type": kind, "parent_header": {"msg_id": number}, "content": content}
    return frame(json.dumps(value).encode())


def handler_of(hub: FakeHub) -> type:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, status: int, body: str = "", **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def cookie(self, name: str) -> str:
            found = SimpleCookie(self.headers.get("Cookie", "")).get(name)
            return found.value if found else ""

        def body(self) -> str:
            return self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()

        def is_known(self, word: str) -> bool:
            """Whether this is somebody signed in, who shows the word of this part of the site."""
            if self.headers.get("Authorization") == f"token {TOKEN}":
                return True
            query = parse_qs(urlsplit(self.path).query)
            shown = self.headers.get("X-XSRFToken") or query.get("_xsrf", [""])[0]
            return self.cookie("session") == "canary" and shown == word

        def handle_one(self) -> None:
            path = urlsplit(self.path).path
            hub.asked.append(f"{self.command} {path}")
            if hub.goes_wrong(f"drop {path}"):
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if hub.goes_wrong(f"hang {path}"):
                time.sleep(5)
                return
            for start, do in ROUTES.items():
                if path.startswith(start):
                    return do(self, hub, path)
            self.answer(404, "no such page")

        do_GET = do_POST = do_DELETE = handle_one

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def login(self, hub, path):
    if self.command == "GET":
        cookie = "_xsrf=first; Path=/hub/"
        return self.answer(200, hub.wrong.get("form", FORM), Set_Cookie=cookie)
    form = parse_qs(self.body())
    right = form["password"] == [PASSWORD] and form["username"] == [NAME] and form["_xsrf"] == ["first"]
    if not right or hub.wrong.get("refuses"):
        return self.answer(403, "Invalid username or password")
    self.answer(302, Location="/hub/", Set_Cookie="session=canary; Path=/")


def home(self, hub, path):
    self.answer(200, "home", Set_Cookie="_xsrf=second; Path=/hub/")


def progress(self, hub, path):
    if not self.is_known("second"):
        return self.answer(403)
    self.send_response(200)
    self.send_header("Connection", "close")
    self.end_headers()
    failed = hub.goes_wrong("spawn")
    if failed:
        hub.runs = False
    last = {"failed": True, "message": "Spawn failed: no `room`\n::error::x"} if failed else {"ready": True}
    for event in ({"progress": 0, "message": "Server requested"}, "nonsense", last):
        self.wfile.write(f"data: {json.dumps(event)}\n\n: comment\ndata: {{\n".encode())
    self.close_connection = True


def server(self, hub, path):
    self.body()
    if not self.is_known("second"):
        return self.answer(403, '{"message": "XSRF"}')
    if self.command == "DELETE":
        stopped = not hub.goes_wrong("stop")
        hub.runs = hub.runs and not stopped
        return self.answer(204 if stopped else 202)
    hub.starts += 1
    if refusal := hub.goes_wrong("start"):
        return self.answer(500, json.dumps({"message": refusal}))
    status = 400 if hub.runs else 201
    hub.runs = True
    self.answer(status)


def account(self, hub, path):
    if not self.is_known("second") and self.headers.get("Authorization") is None:
        return self.answer(403)
    if self.headers.get("Authorization") not in (None, f"token {TOKEN}"):
        return self.answer(403)
    self.answer(200, json.dumps({"server": SERVER if hub.runs else None, "pending": None}))


def lab(self, hub, path):
    if elsewhere := hub.wrong.get("elsewhere"):
        return self.answer(302, Location=elsewhere)
    if hub.wrong.get("lab"):
        return self.answer(500, "<h1>500</h1> <p>Internal   error</p>")
    if self.cookie("server") != "mine" and not self.headers.get("Authorization"):
        return self.answer(302, Location="/hub/api/oauth2/authorize?next=x")
    self.answer(200, "lab", Set_Cookie=f"_xsrf=third; Path={SERVER}/")


def authorize(self, hub, path):
    if self.cookie("session") != "canary":
        return self.answer(403)
    self.answer(302, Location=f"{SERVER}/oauth_callback?code=1")


def callback(self, hub, path):
    self.answer(302, Location=f"{SERVER}/lab", Set_Cookie=f"server=mine; Path={SERVER}/")


def kernels(self, hub, path):
    self.body()
    if not self.is_known("third"):
        return self.answer(403)
    if self.command == "GET":
        return self.answer(200, json.dumps({"execution_state": hub.wrong.get("state", "busy")}))
    if refusal := hub.wrong.get("kernel"):
        return self.answer(500, json.dumps({"message": refusal}))
    self.answer(201, json.dumps({"id": "k1"}))


def channels(self, hub, path):
    if hub.goes_wrong("silent"):
        time.sleep(2)
        return None
    if hub.wrong.get("websocket"):
        return self.answer(400, "no websocket through here")
    self.send_response(101)
    self.send_header("Sec-WebSocket-Accept", accept_of(self.headers["Sec-WebSocket-Key"]))
    self.end_headers()
    if hub.goes_wrong("cut"):
        return self.connection.shutdown(socket.SHUT_RDWR)
    asked = json.loads(unmasked(self.connection)[1])
    number, hub.code = asked["header"]["msg_id"], asked["content"]["code"]
    said = hub.wrong.get("said", [message("stream", number, name="stdout", text=f'["{PREFIX}", 42]')])
    if callable(said):
        said = said(number)
    end = [] if hub.wrong.get("endless") else [message("status", number, execution_state="idle")]
    other = [message("stream", "another", name="stdout", text="7"), frame(b"[]"), frame(b"{")]
    warning = message("stream", number, name="stderr", text="a warning")
    self.connection.sendall(b"".join([*other, warning, *said, *end]))
    time.sleep(0.3 if not hub.wrong.get("endless") else 3)
    self.close_connection = True


ROUTES = {
    "/hub/login": login,
    "/hub/home": home,
    f"{API}/server/progress": progress,
    f"{API}/server": server,
    API: account,
    f"{SERVER}/lab": lab,
    "/hub/api/oauth2/authorize": authorize,
    f"{SERVER}/oauth_callback": callback,
    f"{SERVER}/api/kernels/k1/channels": channels,
    f"{SERVER}/api/kernels": kernels,
}


@contextlib.contextmanager
def fake(*, tls: ssl.SSLContext | None = None, **wrong) -> Iterator[tuple[FakeHub, Hub]]:
    there = FakeHub(wrong)
    served = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(there))
    served.daemon_threads = True
    if tls:
        served.socket = tls.wrap_socket(served.socket, server_side=True, do_handshake_on_connect=False)
    scheme = "https" if tls else "http"
    threading.Thread(target=served.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield there, hub_from(f"{scheme}://127.0.0.1:{served.server_address[1]}", "test")
    finally:
        served.shutdown()
        served.server_close()


@dataclass
class Orders:
    """The droplet's side: what it answers, and what it was told."""

    begin: object = None
    end: object = field(default_factory=lambda: {"disturbed": False, "said": ""})
    told: list[str] = field(default_factory=list)

    def __call__(self, command: str) -> str:
        word = command.split()[-1]
        self.told.append(word)
        answer = {"begin": self.begin, "end": self.end}[word]
        if answer is None:
            answer = {"user": NAME, "password": PASSWORD, "prefix": PREFIX}
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, str) else f"a word of the shell's\n{json.dumps(answer)}\n"


def fly(hub: Hub, orders: Orders | None = None, **options) -> dict:
    return canary.run(hub, orders or Orders(), **options)


def test_the_whole_way():
    orders = Orders()
    with fake() as (there, hub):
        done = fly(hub, orders)
    assert done["ok"] is True and done["words"] == "" and not done["stops"], done
    assert [one["name"] for one in done["steps"]] == ["sign in", "start", "open", "cell", "stop"]
    assert all(one["seconds"] >= 0 for one in done["steps"]) and done["seconds"] < 5
    assert orders.told == ["begin", "end"] and not there.runs
    compile(there.code, "cell", "exec")


def test_with_a_token():
    with fake() as (there, hub):
        done = fly(hub, Orders({"user": NAME, "token": TOKEN, "prefix": PREFIX}))
    assert done["ok"] is True, done
    assert "POST /hub/login" not in there.asked
    with fake() as (there, hub):
        done = fly(hub, Orders({"user": NAME, "token": "another", "prefix": PREFIX}))
    assert done["words"].startswith("sign in: the hub does not know its own token (status 403)")


def says(kind: str, **content):
    return lambda number: [message(kind, number, **content)]


# What goes wrong, and what is said of it.
TROUBLES = [
    ({"form": "<h1>Welcome</h1>"}, "sign in: the log-in page has no form"),
    ({"refuses": True}, "sign in: the log-in form refuses a right password (status 403)"),
    ({"start": "out of memory"}, "start: no server starts: status 500: out of memory"),
    ({"spawn": True}, "start: no server starts: Spawn failed: no `room` : :error: :x"),
    ({"lab": True}, "open: JupyterLab does not open: status 500: 500 Internal error"),
    ({"elsewhere": "https://evil.example/lab"}, "open: the hub leads to https://evil.example"),
    ({"elsewhere": f"{SERVER}/lab"}, "open: the hub leads from page to page without an end"),
    ({"kernel": "No such kernel named python3"}, "cell: no kernel starts: status 500: No such kernel named"),
    ({"websocket": True}, "cell: the server takes no websocket, which notebooks need: status 400"),
    (
        {"said": says("error", ename="ImportError", evalue="libopenblas.so.0")},
        "cell: a cell with an import of the environment fails: ImportError: libopenblas.so.0",
    ),
    ({"said": says("status", execution_state="restarting")}, "cell: the kernel died before it answered"),
    ({"said": says("stream", name="stdout", text="hello")}, "cell: a cell answers with something else"),
    ({"said": says("stream", name="stdout", text='["/usr", 42]')}, "cell: the kernel is of /usr, not of"),
    (
        {"said": says("stream", name="stdout", text=f'["{PREFIX}", 41]')},
        "cell: 6 times 7 is 41",
    ),
    ({"cut": 2}, "cell: the connection was dropped twice"),
    ({f"drop {SERVER}/lab": 2}, "open: the connection was dropped twice"),
]


@pytest.mark.parametrize(("wrong", "words"), TROUBLES, ids=[words[:40] for _, words in TROUBLES])
def test_what_goes_wrong_is_told(wrong, words):
    orders = Orders()
    with fake(**wrong) as (_, hub):
        done = fly(hub, orders)
    assert done["ok"] is False and done["words"].startswith(words), done
    assert done["stops"] == words.startswith("start"), "whether nobody can work at all"
    assert orders.told == ["begin", "end"], "it is removed whatever happens"


@pytest.mark.parametrize(
    "wrong",
    [
        {"spawn": 1},
        {"cut": 1},
        {"stop": 2},
        *({f"drop {path}": 1} for path in ("/hub/login", f"{API}/server", f"{SERVER}/lab")),
    ],
    ids=str,
)
def test_what_ends_by_itself_is_no_trouble(wrong):
    with fake(**wrong) as (_, hub):
        done = fly(hub)
    assert done["ok"] is True, done


def test_what_the_server_said_is_the_cause():
    orders = Orders(end={"disturbed": False, "said": "exec: jupyterhub-singleuser: not found"})
    with fake(spawn=True) as (_, hub):
        done = fly(hub, orders)
    assert done["words"].endswith("(exec: jupyterhub-singleuser: not found)")


def test_a_deploy_in_between_is_no_trouble():
    with fake(lab=True) as (_, hub):
        done = fly(hub, Orders(end={"disturbed": True, "said": ""}))
    assert done["ok"] is None and done["words"] == canary.IN_BETWEEN and not done["stops"]


def test_an_account_that_stays_is_told():
    with fake() as (_, hub):
        done = fly(hub, Orders(end=Failure("the server is frozen")))
    assert done["ok"] is True and done["words"] == canary.REMAINS
    with fake(lab=True) as (_, hub):
        done = fly(hub, Orders(end={"trouble": "the server does not stop"}))
    assert done["ok"] is False and done["words"].endswith(f"; {canary.REMAINS}")


@pytest.mark.parametrize("path", ["/hub/login", f"{API}/server/progress", f"{SERVER}/lab"])
def test_a_hub_that_hangs(path, monkeypatch):
    monkeypatch.setattr(student_way, "STARTING", 0.3)
    began = time.monotonic()
    with fake(**{f"hang {path}": True}) as (_, hub):
        done = fly(hub, whole=1.2)
    assert done["ok"] is False and time.monotonic() - began < 3, done
    assert done["words"].split(":")[0] in ("sign in", "start", "open")


def test_a_kernel_that_does_not_answer(monkeypatch):
    monkeypatch.setattr(student_way, "ANSWERING", 0.3)
    with fake(endless=True, said=[]) as (_, hub):
        assert "cell: a cell has no answer within" in fly(hub)["words"]
    with fake(endless=True, said=[], state="dead") as (_, hub):
        assert "cell: the kernel died" in fly(hub)["words"]
    monkeypatch.setattr(student_way, "ANSWERING", 5)
    monkeypatch.setattr(student_way, "OPENING", 0.3)
    with fake(silent=True, state="dead") as (_, hub):
        done = fly(hub)
        assert "cell: the kernel died" in done["words"] and done["seconds"] < 3
    with fake(silent=2, state="starting") as (_, hub):
        assert fly(hub)["ok"] is True, "one that takes its time"
    with fake(websocket=True, state="dead") as (_, hub):
        assert "cell: the kernel died" in fly(hub)["words"]


def test_nobody_there():
    done = fly(hub_from(f"http://127.0.0.1:{closed_port()}", "test"))
    assert done["ok"] is False and "sign in: the connection was dropped twice" in done["words"]


@pytest.mark.parametrize(
    ("answer", "words", "told"),
    [
        ({"skipped": "a deploy is under way"}, "a deploy is under way", ["begin"]),
        ({"trouble": "the hub does not answer"}, "the hub does not answer", ["begin", "end"]),
        (Failure("the server does not let the deploy key in"), "the deploy key in", ["begin", "end"]),
        (TimeoutError("no answer within 40 s"), "no answer within 40 s", ["begin", "end"]),
        ("", canary.NO_ANSWER, ["begin"]),
        ("[]", canary.NO_ANSWER, ["begin"]),
        ("usage: watchdog", canary.NO_ANSWER, ["begin"]),
    ],
    ids=["skipped", "trouble", "no way in", "late", "nothing", "a list", "garbage"],
)
def test_where_it_is_not_tried(answer, words, told):
    orders = Orders(answer)
    done = fly(hub_from(f"http://127.0.0.1:{closed_port()}", "test"), orders)
    assert done["ok"] is None and words in done["words"] and done["steps"] == []
    assert orders.told == told
