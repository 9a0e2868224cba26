"""The runner's log lines."""

import json
import logging
import sys
from contextvars import copy_context

import pytest

from providers.pods import PodRef
from runner.logs import NODE, POD, ConsoleFormatter, JsonFormatter, NodeLogger, context_of_node


def record(**extra: object) -> logging.LogRecord:
    made = logging.LogRecord("runner.x", logging.WARNING, "f", 1, "it %s", ("rains",), None)
    made.created = 1_767_323_045.25
    vars(made).update(extra)
    return made


def failed_record() -> logging.LogRecord:
    made = record()
    try:
        int("oh")
    except ValueError:
        made.exc_info = sys.exc_info()
    return made


def test_a_console_line_has_time_level_subject_and_message() -> None:
    assert ConsoleFormatter().format(record(node="n", pod="d/web")) == "03:04:05 WARNING n d/web: it rains"


def test_a_console_line_without_a_subject_has_none() -> None:
    assert ConsoleFormatter().format(record()) == "03:04:05 WARNING it rains"


def test_a_traceback_follows_its_console_line() -> None:
    lines = ConsoleFormatter().format(failed_record()).splitlines()
    assert lines[0] == "03:04:05 WARNING it rains"
    assert lines[-1] == "ValueError: invalid literal for int() with base 10: 'oh'"


def test_a_json_line_has_the_same_as_fields() -> None:
    assert json.loads(JsonFormatter().format(record(node="n", pod="d/web"))) == {
        "time": "2026-01-02T03:04:05.250Z",
        "level": "warning",
        "logger": "runner.x",
        "message": "it rains",
        "node": "n",
        "pod": "d/web",
    }


def test_a_json_line_stays_one_line_with_a_traceback() -> None:
    line = JsonFormatter().format(failed_record())
    assert "\n" not in line
    assert json.loads(line)["error"].endswith("ValueError: invalid literal for int() with base 10: 'oh'")


def test_a_line_names_the_node_and_pod_that_its_task_works_on() -> None:
    def written() -> str:
        NODE.set("n")
        POD.set(PodRef("d", "web", "u"))
        return ConsoleFormatter().format(record())

    assert copy_context().run(written) == "03:04:05 WARNING n d/web: it rains"
    assert ConsoleFormatter().format(record()) == "03:04:05 WARNING it rains"


def test_what_outlives_the_work_on_a_pod_names_only_the_node() -> None:
    def written() -> str:
        NODE.set("n")
        POD.set("d/web")
        return context_of_node().run(ConsoleFormatter().format, record())

    assert copy_context().run(written) == "03:04:05 WARNING n: it rains"


def test_what_a_line_says_itself_goes_before_its_task() -> None:
    def written() -> str:
        POD.set("d/web")
        return ConsoleFormatter().format(record(pod="d/other"))

    assert copy_context().run(written) == "03:04:05 WARNING d/other: it rains"


def test_a_nodes_logger_names_the_node_and_lets_a_line_name_a_pod(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING", logger="runner")
    NodeLogger("runner.x", "n").warning("it %s", "rains", extra={"pod": "d/web"})
    [line] = caplog.records
    assert ConsoleFormatter().format(line).endswith(" WARNING n d/web: it rains")
