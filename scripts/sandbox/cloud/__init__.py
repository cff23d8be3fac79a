"""DigitalOcean's API in a box: an HTTPS server that speaks to the real client, pydo.

    with cloud.Server(backend=PaperBackend(), directory=directory, token="…") as server:
        client = pydo.Client("…", endpoint=server.url, connection_verify=str(server.ca))

What it remembers is in `state.py`, what it does wrong on request in `faults.py`, and how it behaves on bad
days, as the real one does, in `core.Behaviour`. The machines behind it are a `backend.Backend`.
"""

from sandbox.cloud.faults import Fault
from sandbox.cloud.paper import PaperBackend
from sandbox.cloud.server import Server

__all__ = ["Fault", "PaperBackend", "Server"]
