"""What a hub is made of, a module each, in the order in which they are brought about.

The hub is installed behind a closed door; `configuration` opens it: by then the environment, the content and
the administrators' passwords are in place. Then `by_hand` may forget what the list says by now.
"""

from . import by_hand, configuration, content, environment, hub, isolation, packages, storage, swap, users

PARTS = (swap, packages, isolation, storage, hub, environment, content, users, configuration, by_hand)
