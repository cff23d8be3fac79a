"""The program's own source text, for the pieces that another Python has to run."""

from __future__ import annotations

import importlib
import inspect

SENT = {}  # {module name: source}; filled by the loader when the program came over a connection.


def text(name):
    """The source of one of the program's modules, wherever it came from."""
    return SENT[name] if name in SENT else inspect.getsource(importlib.import_module(name))
