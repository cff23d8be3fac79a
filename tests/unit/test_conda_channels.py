"""Where channels are, and in which order they are asked."""

import pytest

from coursehub.conda_channels import addresses, channels, with_address, with_names

MIRRORS = {"conda-forge": "https://mirror.example/cf/"}
KNOWN = (
    ("conda-forge", "https://mirror.example/cf"),
    ("defaults", "https://a/main"),
    ("defaults", "https://a/r"),
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("conda-forge", ("https://mirror.example/cf",)),
        ("conda-forge/label/rc", ("https://mirror.example/cf/label/rc",)),
        ("bioconda", ("https://conda.anaconda.org/bioconda",)),
        ("bioconda/label/x", ("https://conda.anaconda.org/bioconda/label/x",)),
        ("defaults", ("https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r")),
        ("https://prefix.example/channel/", ("https://prefix.example/channel",)),
    ],
)
def test_channels_have_addresses(name, expected):
    assert addresses(name, MIRRORS) == expected


def test_channels_keep_their_order_and_conda_forge_is_the_last_resort():
    def names(*arguments):
        return [name for name, _ in channels(*arguments, {})]

    assert names(["bioconda", "conda-forge"], []) == ["bioconda", "conda-forge"]
    assert names(["conda-forge", "nodefaults"], ["numpy", "bioconda::samtools =1"]) == [
        "conda-forge",
        "bioconda",
    ]
    assert names(["defaults"], []) == ["defaults", "defaults", "conda-forge"]


def test_a_requirement_gets_its_channels_address():
    assert with_address("conda-forge::numpy >=2", KNOWN) == "https://mirror.example/cf::numpy >=2"
    assert with_address("defaults::numpy", KNOWN) == "https://a/main::numpy"
    assert with_address("numpy", KNOWN) == "numpy"


def test_words_name_channels_as_the_course_does():
    assert with_names("not from 'https://mirror.example/cf/' or https://a/r", KNOWN) == (
        "not from 'conda-forge' or defaults"
    )
