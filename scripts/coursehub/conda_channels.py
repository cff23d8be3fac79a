"""Where the channels of environment.yml are, and in which order they are asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

HOME = "https://conda.anaconda.org"
COMMON = "conda-forge"
# conda's `defaults` is several channels, none of them on conda.anaconda.org:
# https://docs.conda.io/projects/conda/en/stable/user-guide/configuration/settings.html
DEFAULTS = ("https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r")

Channels = tuple[tuple[str, str], ...]
"""(name as the course writes it, address), in order of priority. `defaults` is there twice."""


def channels(names: Iterable[str], requirements: Iterable[str], mirrors: Mapping[str, str]) -> Channels:
    """The channels of the file, then those that only a requirement such as `bioconda::samtools` names.

    conda-forge comes last where nobody names it: what students' servers are made of is there. With strict
    priority it gives nothing that an earlier channel has.
    """
    wanted = [name for name in names if name != "nodefaults"]
    wanted += [text.partition("::")[0].strip() for text in requirements if "::" in text]
    unique = dict.fromkeys([*wanted, COMMON])
    return tuple((name, address) for name in unique for address in addresses(name, mirrors))


def addresses(name: str, mirrors: Mapping[str, str]) -> tuple[str, ...]:
    """Where a channel is: a mirror from course.yml (of `name`, or of the part before its first slash), an
    address as it stands, or anaconda.org."""
    if name in mirrors:
        return (mirrors[name].rstrip("/"),)
    if "://" in name:
        return (name.rstrip("/"),)
    if name == "defaults":
        return DEFAULTS
    owner, slash, label = name.partition("/")
    return (mirrors.get(owner, f"{HOME}/{owner}").rstrip("/") + slash + label,)


def with_address(requirement: str, known: Iterable[Iterable[str]]) -> str:
    """A requirement as the solver wants it: `conda-forge::numpy` with the address that stands for the name.

    A mirror's packages do not say which channel they are a copy of, so the name alone would match nothing.
    """
    name, separator, rest = requirement.partition("::")
    places = [address for other, address in known if other == name.strip()]
    return f"{places[0]}::{rest.strip()}" if separator and places else requirement


def with_names(words: str, known: Iterable[Iterable[str]]) -> str:
    """The solver's words with channels called what the course calls them."""
    for name, address in sorted(known, key=lambda pair: -len(pair[1])):
        words = words.replace(f"{address}/", name).replace(address, name)
    return words
