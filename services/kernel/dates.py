"""Conversions between the protocol's dates and instants and Python's."""

from datetime import UTC, date, datetime
from typing import overload

from google.protobuf.timestamp_pb2 import Timestamp

from guanhu.types.v1 import types_pb2


def to_date(value: types_pb2.Date) -> date | None:
    """The calendar date, or None where none was given."""
    if not value.year:
        return None
    return date(value.year, value.month, value.day)


@overload
def from_date(value: date) -> types_pb2.Date: ...
@overload
def from_date(value: None) -> None: ...
@overload
def from_date(value: date | None) -> types_pb2.Date | None: ...
def from_date(value: date | None) -> types_pb2.Date | None:
    """The protocol's date; None stays None, which leaves a field unset."""
    if value is None:
        return None
    return types_pb2.Date(year=value.year, month=value.month, day=value.day)


def to_datetime(value: Timestamp) -> datetime:
    """The instant as an aware UTC datetime, microseconds kept."""
    return value.ToDatetime(tzinfo=UTC)


def from_datetime(value: datetime) -> Timestamp:
    """The protocol's instant of an aware datetime."""
    stamp = Timestamp()
    stamp.FromDatetime(value)
    return stamp
