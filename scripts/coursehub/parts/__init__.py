"""What a hub is made of, a module each, in the order in which they are brought about.

The hub is installed behind a closed door; `configuration` opens it: by then the environment, the content,
the shared places and the administrators' passwords are in place. `downloads`, which may take long or fail
because of somebody else's server, keeps nobody waiting.
"""

from . import (
    configuration,
    content,
    downloads,
    environment,
    hub,
    isolation,
    packages,
    shared,
    storage,
    swap,
    users,
)

PARTS = (
    swap,
    packages,
    isolation,
    storage,
    hub,
    environment,
    content,
    shared,
    users,
    configuration,
    downloads,
)
