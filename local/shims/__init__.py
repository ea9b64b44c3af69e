"""What ministack does otherwise than AWS and Keyward notices, mended in memory, once a process."""

from __future__ import annotations

from functools import cache


@cache
def install() -> None:
    """Install every shim; ministack's environment variables must be set before.

    Raises:
        SeamChangedError: ministack is not the version that the shims were written for.
    """
    from local.shims import seam

    seam.check_version()
    from local.shims import (
        accounts,
        branches,
        delivery,
        executions,
        function_errors,
        function_urls,
        limits,
        parameters,
        queues,
        redrive,
        streams,
        workers,
    )

    function_errors.install()  # before workers, which wraps the same function
    for shim in (workers, delivery, queues, redrive, streams):
        shim.install()
    for shim in (executions, branches, limits, parameters, accounts, function_urls):
        shim.install()
