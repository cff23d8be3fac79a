"""A GitHub in a box: a repository with its REST API, a runner of its workflows, and checks of their files."""
