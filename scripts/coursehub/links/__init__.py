"""Links that bring the course's material to a student and open it, and what shows them to a class."""
