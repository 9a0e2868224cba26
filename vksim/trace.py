"""Pods from a trace: a CSV or Parquet file with one row for each, and a mapping that says which column means what.

Rows need not be in order of arrival. Parquet needs ``pyarrow``, which comes with the extra ``vksim[parquet]``.
"""

import csv
import gzip
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from vksim.demand import Trace
from vksim.template import Template

T = TypeVar("T")

Row = Mapping[str, Any]

_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")


class Arriving(NamedTuple):
    """A pod, and when it arrives."""

    at: float
    pod: dict[str, Any]


def check(workload: Trace, folder: Path) -> list[tuple[str, str]]:
    """What is wrong with the trace: fields of the workload, and what of them. Of rows that are wrong, the first."""
    try:
        row = next(iter(_rows(folder / workload.file)), None)
    except TraceError as error:
        return [("file", str(error))]
    if row is None:
        return [("file", f"{workload.file} has no rows; one is a pod")]
    problems = [
        (f"columns.{field}", f"{workload.file} has no column {column!r}; there are: {', '.join(map(str, row))}")
        for field, column in _columns(workload)
        if column not in row
    ]
    if not problems:
        try:
            _all_read(workload, folder)
        except TraceError as error:
            problems.append(("columns", str(error)))
    return problems


class TraceError(ValueError):
    """The file cannot be a trace. The message says why, and what to do."""


def pods(workload: Trace, template: Template, folder: Path) -> list[Arriving]:
    """The pods, in order of arrival.

    Raises:
        TraceError: a row cannot be a pod.
    """
    read = _all_read(workload, folder)
    first = min((each.at for each in read), default=0.0)
    begin = workload.at.seconds
    read.sort(key=lambda each: each.at)
    return [
        Arriving(begin + (each.at - first) / workload.speed, _pod(workload, template, each, number))
        for number, each in enumerate(read)
    ]


def count(workload: Trace, folder: Path) -> int:
    """How many pods the trace has.

    Raises:
        TraceError: a row cannot be a pod.
    """
    return len(_all_read(workload, folder))


def _all_read(workload: Trace, folder: Path) -> "list[_Read]":
    rows = islice(_rows(folder / workload.file), workload.limit)
    return [_read(workload, row, number) for number, row in enumerate(rows, start=1)]


class _Read(NamedTuple):
    at: float
    run_for: float | None
    name: str
    exit_code: int | None
    requests: dict[str, str]
    labels: dict[str, str]
    priority_class: str


class _Cells:
    """A row's cells, read as what the trace says they are."""

    def __init__(self, workload: Trace, row: Row, number: int) -> None:
        self._workload = workload
        self._row = row
        self._number = number

    def text(self, column: str) -> str:
        """A text; empty if there is none."""
        value = self._value(column)
        return "" if value is None else str(value)

    def seconds(self, column: str) -> float | None:
        """A time, in seconds."""
        return self._read(column, lambda value: _seconds(value, self._workload.time_unit.seconds), "a time")

    def number(self, column: str) -> int | None:
        """A whole number."""
        return self._read(column, lambda value: int(float(value)), "a whole number")

    def amount(self, column: str, unit: str) -> str | None:
        """So many of a unit."""
        return self._read(column, lambda value: _amount(value, unit), "an amount")

    def wrong(self, column: str, what: str) -> TraceError:
        """What is wrong with a cell."""
        value = self._row.get(column)
        return TraceError(f"{self._workload.file}, row {self._number}, column {column!r}: {value!r} is not {what}")

    def _value(self, column: str) -> Any:
        value = self._row.get(column) if column else None
        return None if value == "" or (isinstance(value, float) and math.isnan(value)) else value

    def _read(self, column: str, meaning: Callable[[Any], T], what: str) -> T | None:
        value = self._value(column)
        if value is None:
            return None
        try:
            return meaning(value)
        except (TypeError, ValueError, OverflowError):
            raise self.wrong(column, what) from None


def _read(workload: Trace, row: Row, number: int) -> _Read:
    columns, cells = workload.columns, _Cells(workload, row, number)
    at = cells.seconds(columns.at)
    if at is None:
        raise cells.wrong(columns.at, "a time of arrival")
    run_for, end = cells.seconds(columns.run_for), cells.seconds(columns.end)
    if run_for is None and end is not None:
        run_for = end - at
    if run_for is not None and run_for < 0:
        raise cells.wrong(columns.run_for or columns.end, "a time after the arrival")
    units = {name: str(unit) for name, unit in workload.units.items()}
    requests = {name: cells.amount(column, units.get(name, "1")) for name, column in columns.requests.items()}
    labels = {name: cells.text(column) for name, column in columns.labels.items()}
    return _Read(
        at,
        None if run_for is None else run_for / workload.speed,
        cells.text(columns.name),
        cells.number(columns.exit_code),
        {name: value for name, value in requests.items() if value is not None},
        {name: value for name, value in labels.items() if value},
        cells.text(columns.priority_class),
    )


def _pod(workload: Trace, template: Template, read: _Read, number: int) -> dict[str, Any]:
    name = _NOT_IN_NAMES.sub("-", read.name.lower()).strip("-")[:40]
    pod = template.pod(
        f"{workload.name}-{f'{name}-' if name else ''}{number}", run_for=read.run_for, exit_code=read.exit_code
    )
    if read.requests and not workload.containers:
        pod = template.with_requests(pod, read.requests)
    if read.labels:
        pod = {**pod, "metadata": {**pod["metadata"], "labels": {**pod["metadata"]["labels"], **read.labels}}}
    if read.priority_class:
        pod = {**pod, "spec": {**pod["spec"], "priorityClassName": read.priority_class}}
    return pod


def _columns(workload: Trace) -> Iterator[tuple[str, str]]:
    columns = workload.columns
    single = {
        "at": columns.at,
        "runFor": columns.run_for,
        "end": columns.end,
        "name": columns.name,
        "exitCode": columns.exit_code,
        "priorityClass": columns.priority_class,
    }
    yield from ((field, column) for field, column in single.items() if column)
    yield from ((f"requests.{resource}", column) for resource, column in columns.requests.items())
    yield from ((f"labels.{label}", column) for label, column in columns.labels.items())


def _seconds(value: Any, unit: float) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    try:
        seconds = float(value) * unit
    except (TypeError, ValueError):
        return datetime.fromisoformat(str(value)).timestamp()
    if not math.isfinite(seconds):
        raise ValueError(value)
    return seconds


_UNIT = re.compile(r"(?P<number>[0-9.]+)(?P<suffix>[A-Za-z]*)")


def _amount(value: Any, unit: str) -> str:
    """So many of a unit, as a quantity: 3 of ``500m`` is ``1500m``."""
    match = _UNIT.fullmatch(unit)
    if match is None:
        raise ValueError(unit)
    number = round(float(value) * float(match["number"]), 3)
    if not 0 <= number < math.inf:
        raise ValueError(value)
    if number == int(number):
        return f"{int(number)}{match['suffix']}"
    return f"{number:g}{match['suffix']}"


def _rows(path: Path) -> Iterable[Row]:
    """The rows of a file, whatever its format."""
    if not path.is_file():
        raise TraceError(f"there is no file {path}; paths are relative to the scenario's folder")
    if path.suffix == ".parquet":
        return _parquet(path)
    return _csv(path)


def _csv(path: Path) -> Iterator[Row]:
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
                yield from csv.DictReader(file)
        else:
            with path.open(encoding="utf-8", newline="") as file:
                yield from csv.DictReader(file)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TraceError(f"{path} is not CSV in UTF-8: {error}") from None


def _parquet(path: Path) -> Iterator[Row]:
    try:
        from pyarrow import ArrowException, parquet  # noqa: PLC0415  (an extra that only these files need)
    except ImportError:
        raise TraceError("Parquet needs pyarrow: pip install 'vksim[parquet]'") from None
    try:
        for batch in parquet.ParquetFile(path).iter_batches():
            yield from batch.to_pylist()
    except (OSError, ArrowException) as error:
        reason = " ".join(str(error).split())
        raise TraceError(f"{path} is not Parquet: {reason}") from None
