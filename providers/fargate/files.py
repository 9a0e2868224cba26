"""Files for containers: Fargate has no volume of text, so a helper container writes them before the others start.

The helper gets them as variables, a tar archive in base64 each, and unpacks them into the task's volumes. Kept to what
busybox has: ``base64 -d`` and ``tar``.
"""

import base64
import io
import tarfile
import zlib
from collections.abc import Mapping

from providers.data import File

PLAIN, SECRET = "VK_FILES", "VK_SECRET_FILES"
ROOT = "/vk"
SCRIPT = f'for each in "${PLAIN}" "${SECRET}"; do [ -z "$each" ] || echo "$each" | base64 -d | tar -xz -C {ROOT}; done'


def packed(volumes: Mapping[str, tuple[File, ...]]) -> str:
    """Volumes with their files, as one variable's value; the same files give the same value."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:") as archive:
        for volume, files in volumes.items():
            for file in files:
                entry = tarfile.TarInfo(f"{volume}/{file.path}")
                entry.size, entry.mode = len(file.data), file.mode
                archive.addfile(entry, io.BytesIO(file.data))
    squeezer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return base64.b64encode(squeezer.compress(raw.getvalue()) + squeezer.flush()).decode()


def unpacked(value: str) -> dict[str, tuple[File, ...]]:
    """The volumes of which there are files in a value."""
    found: dict[str, list[File]] = {}
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(value)), mode="r:gz") as archive:
        for entry in archive:
            volume, _, path = entry.name.partition("/")
            content = archive.extractfile(entry)
            if content is not None:
                found.setdefault(volume, []).append(File(path, entry.mode, content.read()))
    return {volume: tuple(files) for volume, files in found.items()}
