"""What all tests share: a run ends, and says at once what has failed."""

from __future__ import annotations

import faulthandler
import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_SESSION_END_SECONDS = 120
_LIMITS = pytest.StashKey[object]()
_STDERR = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    """Keep the way out that captured output does not take."""
    config.stash[_STDERR] = os.dup(2)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close it."""
    os.close(config.stash[_STDERR])


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: object) -> None:
    """Keep what limits a test."""
    item.stash[_LIMITS] = settings


@pytest.hookimpl(trylast=True)
def pytest_exception_interact(node: pytest.Item | pytest.Collector) -> None:
    """Limit the end of a test that has failed as its beginning was.

    A failure calls off both limits, pytest-timeout's and pytest's own, for the sake of
    whoever debugs it; and then an end that waits for ever is waited for.
    """
    if not isinstance(node, pytest.Item):
        return
    node.ihook.pytest_timeout_set_timer(item=node, settings=node.stash[_LIMITS])
    seconds = float(node.config.getini("faulthandler_timeout"))
    _end_after(seconds, node.config)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """End a process whose session does not end, and say where its threads are.

    The timeouts of tests do not reach so far, and xdist waits for its workers for ever.
    """
    _end_after(_SESSION_END_SECONDS, session.config)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def _end_after(seconds: float, config: pytest.Config) -> None:
    """End this process then, and say where its threads are, unless it is called off."""
    faulthandler.dump_traceback_later(seconds, exit=True, file=config.stash[_STDERR])


def pytest_sessionstart(session: pytest.Session) -> None:
    """Tell of failures as they happen: a run that is cut off has no summary."""
    plugins = session.config.pluginmanager
    reporter = plugins.get_plugin("terminalreporter")
    if reporter is not None:
        plugins.register(_AtOnce(reporter))


class _AtOnce:
    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        self._reporter = reporter

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._reporter.write_line(f"\n{report.when} of {report.nodeid} failed:")
            self._reporter.write_line(report.longreprtext[-2000:])
