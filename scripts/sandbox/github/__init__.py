<<<<<<< HEAD
"""A GitHub in a box: a repository with its REST API, a runner of its workflows, and checks of their files."""
=======
"""A GitHub in a box: a repository, its REST API, and a runner that executes its workflows for real."""
>>>>>>> executor
