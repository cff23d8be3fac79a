"""What is on offer: regions, sizes with their prices, and the distributions' images.

Sizes: slug, memory in MB, processors, disk in GB, transfer in TB, dollars a month, what it is called.
Prices and limits as published at https://www.digitalocean.com/pricing/droplets and https://slugs.do-api.dev.
"""

from __future__ import annotations

from coursehub.sizes import GIB, MIB
from sandbox.cloud.state import Record

HOURS_A_MONTH = 672  # after which the monthly price is reached
FEATURES = ["backups", "ipv6", "metadata", "install_agent", "storage", "image_transfer"]
UNAVAILABLE_REGION = "nyc2"
REGIONS = {
    "nyc1": "New York 1",
    "nyc2": "New York 2",
    "nyc3": "New York 3",
    "ams3": "Amsterdam 3",
    "sfo2": "San Francisco 2",
    "sfo3": "San Francisco 3",
    "sgp1": "Singapore 1",
    "lon1": "London 1",
    "fra1": "Frankfurt 1",
    "tor1": "Toronto 1",
    "blr1": "Bangalore 1",
    "syd1": "Sydney 1",
}
# Not every region has every kind of processor.
FEWER = {
    "m-2vcpu-16gb": ("nyc1", "nyc3", "ams3", "fra1"),
    "c2-2vcpu-4gb": ("nyc1", "nyc3", "ams3", "fra1", "sfo3"),
    "s-8vcpu-32gb-640gb-intel": ("nyc1", "nyc3", "ams3", "fra1", "sfo3", "tor1"),
}
BASIC, AMD, INTEL = "Basic", "Premium AMD", "Premium Intel"
SIZES = (
    ("s-1vcpu-512mb-10gb", 512, 1, 10, 0.5, 4, BASIC),
    ("s-1vcpu-1gb", 1024, 1, 25, 1, 6, BASIC),
    ("s-1vcpu-1gb-amd", 1024, 1, 25, 1, 7, AMD),
    ("s-1vcpu-1gb-intel", 1024, 1, 25, 1, 7, INTEL),
    ("s-1vcpu-1gb-35gb-intel", 1024, 1, 35, 1, 8, INTEL),
    ("s-1vcpu-2gb", 2048, 1, 50, 2, 12, BASIC),
    ("s-1vcpu-2gb-amd", 2048, 1, 50, 2, 14, AMD),
    ("s-1vcpu-2gb-intel", 2048, 1, 50, 2, 14, INTEL),
    ("s-1vcpu-2gb-70gb-intel", 2048, 1, 70, 2, 16, INTEL),
    ("s-2vcpu-2gb", 2048, 2, 60, 3, 18, BASIC),
    ("s-2vcpu-2gb-amd", 2048, 2, 60, 3, 21, AMD),
    ("s-2vcpu-2gb-intel", 2048, 2, 60, 3, 21, INTEL),
    ("s-2vcpu-2gb-90gb-intel", 2048, 2, 90, 3, 24, INTEL),
    ("s-2vcpu-4gb", 4096, 2, 80, 4, 24, BASIC),
    ("s-2vcpu-4gb-amd", 4096, 2, 80, 4, 28, AMD),
    ("s-2vcpu-4gb-intel", 4096, 2, 80, 4, 28, INTEL),
    ("s-2vcpu-4gb-120gb-intel", 4096, 2, 120, 4, 32, INTEL),
    ("c-2", 4096, 2, 25, 4, 42, "CPU-Optimized"),
    ("s-2vcpu-8gb-amd", 8192, 2, 100, 5, 42, AMD),
    ("c2-2vcpu-4gb", 4096, 2, 50, 4, 47, "CPU-Optimized 2x SSD"),
    ("s-2vcpu-8gb-160gb-intel", 8192, 2, 160, 5, 48, INTEL),
    ("s-4vcpu-8gb", 8192, 4, 160, 5, 48, BASIC),
    ("s-4vcpu-8gb-amd", 8192, 4, 160, 5, 56, AMD),
    ("s-4vcpu-8gb-intel", 8192, 4, 160, 5, 56, INTEL),
    ("g-2vcpu-8gb", 8192, 2, 25, 4, 63, "General Purpose"),
    ("s-4vcpu-8gb-240gb-intel", 8192, 4, 240, 6, 64, INTEL),
    ("c-4", 8192, 4, 50, 5, 84, "CPU-Optimized"),
    ("m-2vcpu-16gb", 16384, 2, 50, 4, 84, "Memory-Optimized"),
    ("s-4vcpu-16gb-amd", 16384, 4, 200, 8, 84, AMD),
    ("s-8vcpu-16gb", 16384, 8, 320, 6, 96, BASIC),
    ("s-4vcpu-16gb-320gb-intel", 16384, 4, 320, 8, 96, INTEL),
    ("s-8vcpu-16gb-amd", 16384, 8, 320, 6, 112, AMD),
    ("s-8vcpu-16gb-intel", 16384, 8, 320, 6, 112, INTEL),
    ("g-4vcpu-16gb", 16384, 4, 50, 5, 126, "General Purpose"),
    ("s-8vcpu-16gb-480gb-intel", 16384, 8, 480, 9, 128, INTEL),
    ("c-8", 16384, 8, 100, 6, 168, "CPU-Optimized"),
    ("s-8vcpu-32gb-amd", 32768, 8, 400, 10, 168, AMD),
    ("s-8vcpu-32gb-640gb-intel", 32768, 8, 640, 10, 192, INTEL),
    ("g-8vcpu-32gb", 32768, 8, 100, 6, 252, "General Purpose"),
)
# Id, distribution, name, slug, smallest disk in GB, size in GB.
IMAGES = (
    (155133621, "Ubuntu", "24.04 (LTS) x64", "ubuntu-24-04-x64", 7, 0.61),
    (129211873, "Ubuntu", "22.04 (LTS) x64", "ubuntu-22-04-x64", 7, 0.67),
    (133545487, "Debian", "12 x64", "debian-12-x64", 7, 0.58),
    (194839102, "Debian", "13 x64", "debian-13-x64", 7, 0.61),
)


def available_regions() -> list[str]:
    """The slugs of the regions that take new droplets."""
    return [slug for slug in REGIONS if slug != UNAVAILABLE_REGION]


def size(slug: str) -> Record | None:
    """A size as the API shows it; None if there is none of that name."""
    return SIZES_SHOWN.get(slug)


def region(slug: str) -> Record | None:
    """A region as the API shows it; None if there is none of that name."""
    return REGIONS_SHOWN.get(slug)


def memory_bytes(record: Record) -> int:
    """The memory of a size or a droplet."""
    return record["memory"] * MIB


def disk_bytes(record: Record) -> int:
    """The system disk of a size or a droplet."""
    return record["disk"] * GIB


def _size(
    slug: str, memory: int, vcpus: int, disk: int, transfer: float, price: int, description: str
) -> Record:
    return {
        "slug": slug,
        "memory": memory,
        "vcpus": vcpus,
        "disk": disk,
        "transfer": float(transfer),
        "price_monthly": float(price),
        "price_hourly": round(price / HOURS_A_MONTH, 5),
        "regions": [name for name in FEWER.get(slug, available_regions()) if name != UNAVAILABLE_REGION],
        "available": True,
        "description": description,
        "disk_info": [{"type": "local", "size": {"amount": disk, "unit": "gib"}}],
    }


def _region(slug: str, name: str) -> Record:
    available = slug != UNAVAILABLE_REGION
    sizes = [entry["slug"] for entry in SIZES_SHOWN.values() if slug in entry["regions"]]
    return {"name": name, "slug": slug, "features": FEATURES, "available": available, "sizes": sizes}


def _image(identifier: int, distribution: str, name: str, slug: str, disk: int, gigabytes: float) -> Record:
    return {
        "id": identifier,
        "name": name,
        "type": "base",
        "distribution": distribution,
        "slug": slug,
        "public": True,
        "regions": list(REGIONS),
        "created_at": "2024-05-01T12:00:00Z",
        "min_disk_size": disk,
        "size_gigabytes": gigabytes,
        "description": f"{distribution} {name}",
        "tags": [],
        "status": "available",
    }


SIZES_SHOWN = {entry[0]: _size(*entry) for entry in SIZES}
REGIONS_SHOWN = {slug: _region(slug, name) for slug, name in REGIONS.items()}
IMAGES_SHOWN = {entry[3]: _image(*entry) for entry in IMAGES}
