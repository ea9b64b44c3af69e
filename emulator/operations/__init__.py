"""The control plane's operations: one module a thing, one function an operation. A module that has
HANDLERS is found by itself."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from emulator.context import Handler

HANDLERS: dict[str, Handler] = {}
for _found in iter_modules(__path__):
    _module = import_module(f"{__name__}.{_found.name}")
    HANDLERS |= getattr(_module, "HANDLERS", {})
