"""Print the shell commands that let uv ask the package index that pip is set up with.

    eval "$(.venv/bin/python tools/index.py)"

uv reads none of pip's settings. Variables that are set already stay as they are.
"""

from __future__ import annotations

import shlex
import subprocess
import sys

VARIABLES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
}
# pip lets the environment win over `[install]`, and `[install]` over `[global]`.
RANKS = {"global": 1, "install": 2, ":env:": 3}
# As pip does: the best version of all indexes. The hashes of the lock say what is installed.
STRATEGY = "export UV_INDEX_STRATEGY=${UV_INDEX_STRATEGY:-unsafe-best-match}"


def exports(listed: str) -> list[str]:
    """Turn the output of `pip config list` into `export` commands for uv's variables."""
    chosen: dict[str, tuple[int, list[str]]] = {}
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        scope, _, option = name.rpartition(".")
        rank = RANKS.get(scope, 0)
        if rank and rank >= chosen.get(option, (0, []))[0]:
            chosen[option] = rank, " ".join(shlex.split(value)).split()
    commands = [STRATEGY]
    for option, variable in VARIABLES.items():
        words = chosen.get(option, (0, []))[1]
        if words:
            joined = ("," if option == "find-links" else " ").join(words)
            commands.append(f"export {variable}=${{{variable}:-{shlex.quote(joined)}}}")
    return commands


def main() -> None:
    """Ask the pip of this Python for its settings and print the commands."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    print("\n".join(exports(listed)))


if __name__ == "__main__":
    main()
