"""The sandbox's machines as DigitalOcean's droplets: what `backend.Backend` asks for, done for real.

Nothing is kept in this process: machines, volumes, addresses and firewalls are found again by the next one,
and `host.remove_all` removes them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from coursehub.problems import Failure
from sandbox import addresses, blocks, image, machine, network, remains, sources, state, storage
from sandbox.cloud.backend import DropletSpec, Rule, VolumeRef
from sandbox.droplets import first_boot, metadata, names, records, traffic, volumes
from sandbox.droplets.records import Droplet, machine_name


class Machines:
    """Droplets on this computer. `binds` shows this computer's directories (keys) inside (values), by default
    those where what one machine downloads is kept for the next; `environment` is set for sessions and
    services. Both only concern droplets that are made after."""

    def __init__(self, binds: Mapping[str, str] | None = None, environment: Mapping[str, str] | None = None):
        self.binds = dict(sources.binds() if binds is None else binds)
        self.environment = dict(environment or {})

    def create(self, droplet: DropletSpec) -> str:
        """Make and boot a droplet, its volumes attached; returns its address once systemd runs: sshd answers
        some seconds later, as on a droplet that has become active. Raises Failure."""
        base, source = _origin(droplet.image)
        planned = machine.Machine(
            machine_name(droplet.id),
            address="",
            image=base,
            memory=droplet.memory,
            cpus=float(min(droplet.vcpus, os.cpu_count() or 1)),
            disk=droplet.disk,
            binds=self.binds,
            environment=image.trust_environment() | self.environment,
            droplet=droplet.id,
        )
        disks = _blocks(droplet.volumes)

        def first_start(box: machine.Machine) -> None:
            written = Droplet(droplet.id, droplet.name, droplet.public_keys, droplet.user_data)
            records.record(written, box.directory)
            blocks.record(box.directory, disks)
            _start(box, written)

        try:
            return machine.make(planned, first_start, source).address
        except BaseException:
            for disk in disks:
                blocks.release(disk.file)
            raise

    def start(self, droplet_id: int) -> None:
        """Switch it on; returns once systemd runs. Raises Failure."""
        with remains.lock(machine_name(droplet_id)):
            box = records.machine_of(droplet_id)
            _start(box, records.load(box))

    def shutdown(self, droplet_id: int) -> None:
        """Have it end in an orderly way, and wait until it has. Raises Failure."""
        with remains.lock(machine_name(droplet_id)):
            records.machine_of(droplet_id).power_off()

    def stop(self, droplet_id: int) -> None:
        """Cut its power at once. Raises Failure."""
        with remains.lock(machine_name(droplet_id)):
            records.machine_of(droplet_id).kill()

    def reboot(self, droplet_id: int) -> None:
        """Have it end in an orderly way and boot again; returns once systemd runs. Raises Failure."""
        with remains.lock(machine_name(droplet_id)):
            records.machine_of(droplet_id).reboot(wait=False)

    def destroy(self, droplet_id: int) -> None:
        """Remove it and its system disk, if it is there; its volumes, snapshots and reserved address stay."""
        name = machine_name(droplet_id)
        with remains.lock(name):
            disks = blocks.of(state.machines() / name)
            remains.remove(name)
            for disk in disks:
                blocks.release(disk.file)
        with addresses.choosing():
            led = {address: None if number == droplet_id else number for address, number in _reserved()}
            addresses.record_reserved(led)
        traffic.apply()

    def resize(self, droplet_id: int, memory: int, vcpus: int, disk: int | None) -> None:
        """Give a droplet that is off other limits, from its next start on. Raises Failure."""
        name = machine_name(droplet_id)
        with remains.lock(name):
            box = _switched_off(droplet_id)
            if disk is not None:
                storage.sync(box.directory)
                remains.unmount(name)
                # A copy, since the disk may be in use for a while yet: see supervisor._leave_others_mounts.
                storage.new_disk(box.directory, disk, box.directory / "disk.img")
            cpus = float(min(vcpus, os.cpu_count() or 1))
            machine.change(box, memory=memory, cpus=cpus, disk=disk or box.disk)

    def rebuild(self, droplet_id: int, image: str) -> None:
        """Boot it from a fresh system disk, from an image or a droplet's snapshot. Raises Failure.

        Its address and user_data are the same, and its volumes stay attached.
        """
        name = machine_name(droplet_id)
        with remains.lock(name):
            box = records.machine_of(droplet_id)
            base, source = _origin(image)
            box.kill()
            remains.unmount(name)
            storage.new_disk(box.directory, box.disk, source)
            _start(machine.change(box, image=base), records.load(box))

    def snapshot(self, droplet_id: int, snapshot_id: str) -> int:
        """Keep a copy of its system disk, also while it runs; returns the bytes of the copy. Raises Failure.

        Of what a running droplet writes meanwhile, the copy may have one file and lack another.
        """
        with remains.lock(machine_name(droplet_id)):
            box = records.machine_of(droplet_id)
            storage.sync(box.directory)
            folder = volumes.droplet_snapshot(snapshot_id)
            folder.mkdir(parents=True, exist_ok=True)
            size = storage.copy_sparsely(box.directory / "disk.img", folder / "disk.img")
            storage.check(folder / "disk.img")
            (folder / "image").write_text(box.image)
            return size

    def delete_snapshot(self, snapshot_id: str) -> None:
        """Remove a copy of a system disk; does nothing if there is none."""
        volumes.delete_droplet_snapshot(snapshot_id)

    def create_volume(self, volume_id: str, gigabytes: int, snapshot_id: str | None) -> None:
        """Make a volume, unformatted, or with what a volume's snapshot holds. Raises Failure."""
        volumes.create(volume_id, gigabytes, snapshot_id)

    def resize_volume(self, volume_id: str, gigabytes: int) -> None:
        """Make it larger; the file system in it stays as it is. Raises Failure."""
        volumes.resize(volume_id, gigabytes)

    def delete_volume(self, volume_id: str) -> None:
        """Remove a volume that is not attached. Raises Failure."""
        volumes.delete(volume_id)

    def snapshot_volume(self, volume_id: str, snapshot_id: str) -> int:
        """Keep a copy of a volume; returns the bytes of the copy. Raises Failure."""
        return volumes.snapshot(volume_id, snapshot_id)

    def delete_volume_snapshot(self, snapshot_id: str) -> None:
        """Remove a copy of a volume; does nothing if there is none."""
        volumes.delete_snapshot(snapshot_id)

    def attach(self, droplet_id: int, volume_id: str, name: str) -> None:
        """Let the droplet see the volume, as /dev/disk/by-id/scsi-0DO_Volume_NAME. Raises Failure."""
        with remains.lock(machine_name(droplet_id)):
            box = records.machine_of(droplet_id)
            present = blocks.of(box.directory)
            (added,) = _blocks((VolumeRef(volume_id, name),), present)
            blocks.record(box.directory, [*present, added])
            if box.is_running:
                showing = ["sh", "-ec", blocks.SHOWING, "attach", *blocks.arguments([added])]
                box.run(showing)

    def detach(self, droplet_id: int, volume_id: str) -> None:
        """Take the volume away from the droplet, if it has it. Raises Failure."""
        with remains.lock(machine_name(droplet_id)):
            box = records.machine_of(droplet_id)
            for block in blocks.of(box.directory):
                if Path(block.file).stem != volume_id:
                    continue
                if box.is_running:
                    box.run(["sh", "-ec", blocks.HIDING, "detach", block.device, block.link])
                blocks.flush(block.file)
                blocks.record(box.directory, [other for other in blocks.of(box.directory) if other != block])
                blocks.release(block.file)

    def reserve_address(self) -> str:
        """Take a reserved IPv4 address, which leads nowhere yet. Raises Failure."""
        host = network.ensure()
        with addresses.choosing():
            address = addresses.free(host)[-1]
            addresses.record_reserved({**addresses.reserved(), address: None})
        return address

    def assign_address(self, address: str, droplet_id: int | None) -> None:
        """Lead a reserved address to a droplet; None: to none. Counts for connections that begin after."""
        with addresses.choosing():
            if address not in addresses.reserved():
                raise Failure(f"{address} is no reserved address", fix="reserve one first")
            addresses.record_reserved({**addresses.reserved(), address: droplet_id})
        traffic.apply()

    def release_address(self, address: str) -> None:
        """Give a reserved address back."""
        with addresses.choosing():
            addresses.record_reserved({own: number for own, number in _reserved() if own != address})
        traffic.apply()

    def set_firewall(self, droplet_id: int, inbound: tuple[Rule, ...] | None) -> None:
        """What may reach the droplet, from anywhere; None: no cloud firewall, all open. Raises Failure."""
        with remains.lock(machine_name(droplet_id)):
            box = records.machine_of(droplet_id)
            records.record(replace(records.load(box), inbound=inbound), box.directory)
        traffic.apply()

    def set_records(self, records: Mapping[str, str]) -> None:
        """All the names that the sandbox's name server knows: full name to IPv4 address. Raises Failure."""
        names.set_records(records)
        names.ensure(network.ensure())


def _start(box: machine.Machine, droplet: Droplet) -> None:
    """Switch a machine on, with all that droplets find around them; the caller holds its lock."""
    host = traffic.apply()
    names.ensure(host)
    metadata.ensure(host)
    storage.mount(box.directory, state.images() / box.image / "root")
    first_boot.prepare(box.directory / "writable", box.directory / "root", droplet, box.environment)
    box.start()


def _origin(chosen: str) -> tuple[str, Path | None]:
    """What a system disk is made of: the image below it, and the disk to copy. Raises Failure.

    DigitalOcean's slugs (ubuntu-24-04-x64) all mean this computer's own release; numbers are snapshots'.
    """
    folder = volumes.droplet_snapshot(chosen)
    if not (folder / "image").exists():
        if chosen.isdigit():
            raise Failure(f"there is no snapshot {chosen}")
        return image.ensure().parent.name, None
    base = (folder / "image").read_text()
    if not (state.images() / base).exists():
        raise Failure(f"the image of the snapshot {chosen} is gone", fix="make the snapshot anew")
    return base, folder / "disk.img"


def _blocks(attached: tuple[VolumeRef, ...], present: list[blocks.Block] | None = None) -> list[blocks.Block]:
    """What a machine that has the disks `present` sees of further volumes. Raises Failure."""
    taken, added = list(present or ()), []
    for volume in attached:
        if user := volumes.user_of(volume.id):
            raise Failure(f"the volume {volume.id} is attached to {user}", fix="detach it first")
        file = str(volumes.file_of(volume.id))
        added.append(blocks.Block(file, blocks.free_device(taken), f"scsi-0DO_Volume_{volume.name}"))
        taken.append(added[-1])
    return added


def _switched_off(droplet_id: int) -> machine.Machine:
    box = records.machine_of(droplet_id)
    if box.is_running:
        raise Failure(f"the droplet {droplet_id} is on", fix="shut it down first")
    return box


def _reserved() -> list[tuple[str, int | None]]:
    return list(addresses.reserved().items())
