"""What the hub reads at its start: defaults, then config.yaml, then the snippets of jupyterhub_config.d."""

from tljh import configurer
from tljh.paths import CONFIG_DIR, RULES_DIR, USER_ENV_PREFIX
from tljh.user_creating_spawner import UserCreatingSpawner

c = get_config()  # noqa: F821
c.JupyterHub.spawner_class = UserCreatingSpawner
c.JupyterHub.hub_port = 15001
# A restart of the hub leaves the users' servers running.
c.JupyterHub.cleanup_servers = False
c.JupyterHub.proxy_class = "traefik_file"
c.TraefikProxy.should_start = False
c.TraefikFileProviderProxy.dynamic_config_file = str(RULES_DIR / "rules.toml")
c.SystemdSpawner.extra_paths = [str(USER_ENV_PREFIX / "bin")]
c.SystemdSpawner.default_shell = "/bin/bash"
c.SystemdSpawner.unit_name_template = c.SystemdSpawner.username_template = "jupyter-{USERNAME}"

configurer.apply_config(configurer.load_config(), c)

for snippet in sorted((CONFIG_DIR / "jupyterhub_config.d").glob("*.py")):
    load_subconfig(str(snippet))  # noqa: F821
