"""What a link opens. Only nbgitpuller's page is told, not its pull, so it is remembered in between."""

from __future__ import annotations

import os
import re
from urllib.parse import unquote

OPENER = re.compile(r"^/?((lab|retro)/)?(tree|notebooks|edit|doc/tree)/")
"""Where JupyterLab and Notebook open a path."""
_opening: dict[str, str] = {}


def watch() -> None:
    """Have nbgitpuller's page tell us what it is going to open."""
    from nbgitpuller.handlers import UIHandler

    theirs = UIHandler.get
    if getattr(theirs, "of_coursehub", False):
        return

    async def get(self):
        if self.current_user:
            root = os.path.expanduser(self.settings["server_root_dir"])
            parent = os.path.join(root, os.getenv("NBGITPULLER_PARENTPATH", ""))
            default = self.get_argument("repo", "").rstrip("/").split("/")[-1]
            target = self.get_argument("targetpath", None) or self.get_argument("targetPath", default)
            opened = self.get_argument("urlpath", None) or self.get_argument("urlPath", "")
            remember(root, os.path.join(parent, target), opened)
        page = theirs(self)
        if page is not None:
            await page

    get.of_coursehub = True
    UIHandler.get = get


def remember(root: str, folder: str, opened: str) -> None:
    """That the next pull into `folder` is for the sake of `opened`, an address below the server's."""
    path = OPENER.sub("", unquote(opened.partition("?")[0]))
    inside = os.path.relpath(os.path.join(root, path), folder)
    if opened and inside != os.curdir and inside.split(os.sep)[0] != os.pardir:
        _opening[os.path.normpath(folder)] = inside
    else:
        _opening.pop(os.path.normpath(folder), None)


def opened_by(folder: str) -> str | None:
    """The path below `folder` that the link opens which is being followed; None when that is not known, and
    for the whole folder."""
    return _opening.pop(os.path.normpath(folder), None)
