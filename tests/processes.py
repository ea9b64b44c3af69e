"""Reads other processes in /proc. Whatever ends between two looks counts as nothing: descriptors,
threads and processes come and go while a test reads them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from local.waiting import until

# What /proc answers about a process, a thread or a descriptor that has just ended.
GONE = (FileNotFoundError, ProcessLookupError)


def children(pid: int) -> list[int]:
    """The child processes of all threads of a process."""
    tasks = _names(Path(f"/proc/{pid}/task"))
    lists = [_read(Path(f"/proc/{pid}/task/{task}/children")) for task in tasks]
    return [int(child) for text in lists for child in text.split()]


def folder(pid: int) -> Path | None:
    """The working directory of a process, None once the process has ended."""
    found = _link(Path(f"/proc/{pid}/cwd"))
    return Path(found) if found else None


def listeners(pid: int) -> set[tuple[str, int]]:
    """Address (as in /proc/net/tcp) and port of each listening TCP socket of a process."""
    descriptors = Path(f"/proc/{pid}/fd")
    links = [_link(descriptors / name) for name in _names(descriptors)]
    sockets = {link[8:-1] for link in links if link.startswith("socket:[")}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in _read(Path(f"/proc/{pid}/net/{table}")).splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:
                address, port = fields[1].split(":")
                found.add((address, int(port, 16)))
    return found


def until_ended(pid: int) -> None:
    """Wait until a process has ended. Who is not its parent may still see it as a zombie."""
    until(lambda: _state(pid) in ("", "Z"), what=f"the end of process {pid}")


def _state(pid: int) -> str:
    """The letter of a process's state, empty once the process is gone."""
    return _read(Path(f"/proc/{pid}/stat")).rpartition(") ")[2][:1]


def _names(folder: Path) -> list[str]:
    with suppress(*GONE):
        return os.listdir(folder)
    return []


def _read(path: Path) -> str:
    with suppress(*GONE):
        return path.read_text(encoding="utf-8")
    return ""


def _link(path: Path) -> str:
    with suppress(*GONE):
        return os.readlink(path)
    return ""
