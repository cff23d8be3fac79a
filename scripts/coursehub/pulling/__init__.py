"""What runs in a student's own server when a link is followed: their copy of the course is brought up to
date, whatever state it is in, and nothing of theirs is lost.

Python's standard library only. It runs in the course's environment, of which the course says what it is:
where this cannot work, nbgitpuller does what it does without it (`hook`).
"""
