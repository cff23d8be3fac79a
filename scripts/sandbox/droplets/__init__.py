"""What makes machines droplets: first boot by cloud-init, metadata, volumes, snapshots, addresses, firewalls.

The cloud's API (sandbox.cloud) uses it through sandbox.cloud.machines.
"""
