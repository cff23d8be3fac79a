"""A GitHub in a box: a repository, its REST API, and a runner that executes its workflows for real."""
