"""A stand-in for The Littlest JupyterHub: its interface, in a fraction of its code."""
