"""A plain client of GitHub's REST API, for tests: what it is told, and nothing of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

PATIENCE = 10


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Any
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass
class Client:
    """Asks for paths below /repos/OWNER/NAME."""

    root: str
    token: str | None = None
    agent: str = "coursehub-tests"
    patience: float = PATIENCE

    def __call__(self, method: str, path: str = "", body: Any = None, accept: str = "*/*") -> Reply:
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {"User-Agent": self.agent, "Accept": accept}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        request = Request(self.root + path, content, headers, method=method)
        try:
            with urlopen(request, timeout=self.patience) as answer:
                return Reply(answer.status, answer.headers, answer.read())
        except HTTPError as error:
            return Reply(error.code, error.headers, error.read())
