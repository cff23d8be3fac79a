"""Coursehub: a JupyterHub for a course, deployed from a repository."""
