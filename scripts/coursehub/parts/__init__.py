"""What a hub is made of, a module each, in the order in which they are brought about.

The hub is installed behind a closed door; `configuration` opens it: by then the environment, the content,
the shared places, the administrators' passwords and the watchdog, which is quiet during a deploy, are in
place. Then `by_hand` may forget what the list says by now; and `downloads`, which may take long or fail
because of somebody else's server, keeps nobody waiting.
"""

from . import (
    authenticator,
    by_hand,
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
    watchdog,
)

PARTS = (
    swap,
    packages,
    isolation,
    storage,
    hub,
    authenticator,
    environment,
    content,
    shared,
    users,
    watchdog,
    configuration,
    by_hand,
    downloads,
)
