"""GitHub in a box, for tests: a repository, its REST API, and what runs its workflows."""
