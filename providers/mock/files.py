"""The files of a mock container: they exist only in memory, and only when somebody looks."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Files:
    """The files of a container: absolute path -> content. Folders are there because something is in them."""

    content: dict[str, bytes] = field(default_factory=lambda: {"/etc/hostname": b"mock\n", "/tmp/.keep": b""})  # noqa: S108
    mounted: set[str] = field(default_factory=set)

    def mount(self, files: Mapping[str, bytes]) -> None:
        """Show what volumes hold now, in the place of what they held before."""
        for path in self.mounted - files.keys():
            self.content.pop(path, None)
        self.mounted = set(files)
        self.content |= files

    def is_folder(self, path: str) -> bool:
        """Whether something is in it."""
        prefix = path.rstrip("/") + "/"
        return path == "/" or any(each.startswith(prefix) for each in self.content)

    def under(self, path: str) -> dict[str, bytes]:
        """The files in a folder, at any depth, or the one file of that name."""
        prefix = path.rstrip("/") + "/"
        return {name: data for name, data in self.content.items() if name == path or name.startswith(prefix)}

    def names(self, folder: str) -> list[str]:
        """What is directly in a folder."""
        prefix = folder.rstrip("/") + "/"
        return sorted({name[len(prefix) :].split("/", 1)[0] for name in self.content if name.startswith(prefix)})
