"""A server on this machine that answers as GitHub's REST API does, for the few requests of these tests."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

NAME = "ada/python-course"
TOKEN = "ghs_0123456789"
BOT, PERSON = {"type": "Bot", "login": "github-actions[bot]"}, {"type": "User", "login": "ada"}


class SmallGithub:
    """Keeps issues, comments and one branch. `answers` are given first, in order, whatever is asked: each is
    (status, value, headers), or None for a connection that breaks; an OK that did its work is not one."""

    def __init__(self):
        self.address = ""
        self.asked = []
        self.headers = []
        self.answers = []
        self.issues = []
        self.comments = {}
        self.files = None
        self.head = None
        self.objects = {}

    @property
    def environ(self):
        return {"GITHUB_TOKEN": TOKEN, "GITHUB_REPOSITORY": NAME, "GITHUB_API_URL": self.address}

    def written(self):
        """What was asked for, without the reading."""
        return [(method, path) for method, path, _ in self.asked if method != "GET"]

    def answer(self, method, path, query, value):
        """(status, value) for a path below the repository's."""
        match [method, *path.split("/")]:
            case ["GET", "issues"]:
                label = query.get("labels")
                return 200, [one for one in self.issues if not label or label in one["labels"]]
            case ["POST", "issues"]:
                issue = {"number": len(self.issues) + 1, "state": "open", "user": BOT, **value}
                self.issues.append(issue)
                return 201, issue
            case ["PATCH", "issues", "comments", number]:
                for comments in self.comments.values():
                    for comment in comments:
                        if comment["id"] == int(number):
                            comment.update(value)
                            return 200, comment
                return 404, {"message": "Not Found"}
            case ["PATCH", "issues", number]:
                self.issues[int(number) - 1].update(value)
                return 200, {}
            case ["GET", "issues", number, "comments"]:
                return 200, self.comments.get(number, [])
            case ["POST", "issues", number, "comments"]:
                new = {"id": 100 + sum(map(len, self.comments.values())), "user": BOT, **value}
                self.comments.setdefault(number, []).append(new)
                return 201, {}
        return self.answer_git(method, path, value)

    def answer_git(self, method, path, value):
        nothing = 404, {"message": "Not Found"}
        match [method, *path.split("/")]:
            case ["GET", "contents", name]:
                return (200, self.files[name]) if self.files and name in self.files else nothing
            case ["GET", "git", "ref", "heads", "coursehub"]:
                return (200, {"object": {"sha": self.head}}) if self.head else nothing
            case ["GET", "git", "commits", sha]:
                return 200, {"tree": {"sha": self.objects[sha]["tree"]}}
            case ["POST", "git", "trees"]:
                files = dict(self.objects.get(value.get("base_tree"), {}))
                return self.kept(files | {entry["path"]: entry["content"] for entry in value["tree"]})
            case ["POST", "git", "commits"]:
                return self.kept(value)
            case ["POST", "git", "refs"] if self.head:
                return 422, {"message": "Reference already exists"}
            case ["POST", "git", "refs"] | ["PATCH", "git", "refs", "heads", "coursehub"]:
                assert self.head is None or value["force"] is True
                self.head = value["sha"]
                self.files = self.objects[self.objects[self.head]["tree"]]
                return 201, {}
        raise AssertionError(f"these tests do not expect {method} {path}")

    def kept(self, value):
        sha = f"object-{len(self.objects)}"
        self.objects[sha] = value
        return 201, {"sha": sha}


@contextmanager
def small_github():
    """The server while it runs."""
    github = SmallGithub()
    prefix = f"/repos/{NAME}/"

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self):
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            value = json.loads(body) if body else None
            github.asked.append((self.command, self.path, value))
            github.headers.append(self.headers)
            if github.answers:
                answer = github.answers.pop(0)
                if answer is None:
                    return
                status, value, headers = answer
            else:
                assert url.path.startswith(prefix), self.path
                query = {key: values[0] for key, values in parse_qs(url.query).items()}
                status, value = github.answer(self.command, url.path.removeprefix(prefix), query, value)
                headers = {}
            data = value.encode() if isinstance(value, str) else json.dumps(value).encode()
            self.send_response(status)
            for name, text in headers.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_any

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        github.address = f"http://127.0.0.1:{server.server_port}"
        yield github
        server.shutdown()
