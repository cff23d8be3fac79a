"""What runs on the droplet itself: standard library only, Python 3.9 or later.

The modules are sent over the one SSH connection at the start of each run (`coursehub.ssh`) and live
in memory only, so that no version of them can be left behind on a droplet.
"""
