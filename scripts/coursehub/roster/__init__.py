"""The roster: who may come in, in which role and group; from course.yml and from the school's exports."""
