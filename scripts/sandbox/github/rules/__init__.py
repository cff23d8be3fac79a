"""The policy's rules, by subject. Each takes a document and the repository and yields lines and messages."""

from collections.abc import Iterator

Said = Iterator[tuple[int, str]]
