"""Pytest plugin: a test that did not run its course fails the whole run.

A skipped or expected-to-fail test proves nothing while the closing line looks
green, so `script/test` counts either as a failure.
"""

import pytest

_not_run: list[str] = []


@pytest.hookimpl
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a skipped test; an expected failure is reported as one, too."""
    if report.skipped:
        _not_run.append(report.nodeid)


@pytest.hookimpl
def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note a module that skips itself while it is collected."""
    if report.skipped:
        _not_run.append(report.nodeid)


# Before the terminal's own hook, which prints the closing line.
@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run."""
    if _not_run and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why the run failed."""
    for nodeid in _not_run:
        terminalreporter.write_line(
            f"NOT RUN {nodeid}: skips and xfails fail", red=True
        )
