"""What a hub is made of, a module each, in the order in which they are brought about.

The hub is installed behind a closed door; `configuration`, last, opens it: by then the environment, the
content and the administrators' passwords are in place.
"""

from . import (
    authenticator,
    configuration,
    content,
    environment,
    hub,
    isolation,
    packages,
    storage,
    swap,
    users,
)

PARTS = (swap, packages, isolation, storage, hub, authenticator, environment, content, users, configuration)
