"""What a hub is made of, a module each, in the order in which they are brought about.

The hub is installed behind a closed door; `configuration`, last, opens it: by then the environment, the
content and the administrators' passwords are in place, and the watchdog, which is quiet during a deploy.
"""

from . import configuration, content, environment, hub, isolation, packages, storage, swap, users, watchdog

PARTS = (swap, packages, isolation, storage, hub, environment, content, users, watchdog, configuration)
