"""What the program says to GitHub: in the log of a run, in issues and comments, on a branch of its own."""
