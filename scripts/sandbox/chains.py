"""Firewall chains of the sandbox's own: replaced whole, in one go, and removed without a trace.

In iptables each bears the sandbox's name: IDENTITY-firewall, say.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox import state
from sandbox.commands import run, text

TABLES = ("nat", "mangle")


@dataclass(frozen=True)
class Chain:
    """A chain of `table`, its rules in order, and from where it is come to: built-in chain and conditions."""

    table: str
    name: str
    entrances: tuple[tuple[str, ...], ...]
    rules: tuple[tuple[str, ...], ...]

    @property
    def full_name(self) -> str:
        return f"{state.identity()}-{self.name}"


def put(chains: Sequence[Chain]) -> None:
    """Let the chains have their rules, and be come to first. The kernel changes each of them at once."""
    for chain in chains:
        lines = [f"-A {chain.full_name} {' '.join(rule)}\n" for rule in chain.rules]
        content = f"*{chain.table}\n:{chain.full_name} - [0:0]\n{''.join(lines)}COMMIT\n"
        run(["iptables-restore", "--wait", "--noflush"], input=content.encode())
        for entrance in chain.entrances:
            command = ["iptables", "-w", "-t", chain.table]
            rule = [*entrance, "-j", chain.full_name]
            if run([*command, "-C", *rule], check=False).returncode != 0:
                run([*command, "-I", *rule])


def remove_all() -> None:
    """Remove all chains of this sandbox."""
    for table in TABLES:
        lines = text(["iptables", "-w", "-t", table, "-S"]).splitlines()
        rules = [shlex.split(line) for line in lines]
        ours = [rule[1] for rule in rules if rule[0] == "-N" and _is_ours(rule[1])]
        for rule in rules:
            if rule[0] == "-A" and rule[-1] in ours:
                run(["iptables", "-w", "-t", table, "-D", *rule[1:]])
        for name in ours:
            run(["iptables", "-w", "-t", table, "-F", name])
            run(["iptables", "-w", "-t", table, "-X", name])


def _is_ours(name: str) -> bool:
    return name.startswith(f"{state.identity()}-")
