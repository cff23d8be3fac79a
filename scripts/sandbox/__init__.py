"""A DigitalOcean in a box: real machines (systemd, sshd, apt) made of systemd-nspawn, for tests and the demo.

The product never imports this package; it meets the machines over SSH, as it meets droplets.
"""
