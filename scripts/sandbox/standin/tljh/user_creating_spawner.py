"""The spawner: systemd's, with the Unix account made when first needed."""

from __future__ import annotations

from systemdspawner import SystemdSpawner
from tljh import accounts
from traitlets import Dict, List, Unicode


class UserCreatingSpawner(SystemdSpawner):
    """Makes `jupyter-NAME` before it starts that user's server."""

    user_groups = Dict(
        key_trait=Unicode(), value_trait=List(Unicode()), config=True, help="Unix groups and their hub users"
    )

    def start(self):
        """Make the account, put it into its groups, start the server."""
        account = accounts.system_username(f"jupyter-{self.user.name}")
        self.username_template = account
        # An admin's terminal may use sudo, which a server confined by systemd could not.
        self.disable_user_sudo = not self.user.admin
        accounts.ensure_user(account)
        accounts.set_membership(account, accounts.USERS, True)
        accounts.set_membership(account, accounts.ADMINS, self.user.admin)
        for group, names in self.user_groups.items():
            if self.user.name in names:
                accounts.set_membership(account, group, True)
        return super().start()
