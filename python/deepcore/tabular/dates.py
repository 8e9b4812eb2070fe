"""Dates: text becomes datetime64, and datetime64 becomes numeric features."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deepcore.typing import Array

__all__ = ["DATE_FEATURES", "date_features", "parse_dates", "recognise"]

#: Features of one date column, in order.
DATE_FEATURES = ("days", "year", "year_sin", "year_cos", "week_sin", "week_cos", "day_sin", "day_cos")

#: The format of ISO 8601 dates and times; a month alone is its first day.
ISO = "ISO"
#: Dates with English names of months, whole or cut to three letters, such as 2 Jan 2024 and Jan 2, 2024.
DAY_MONTH, MONTH_DAY = "%d %b %Y", "%b %d %Y"

_ISO = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:[.,](\d{1,9}))?\s?(Z|[+-]\d{2}:?\d{2})?)?",
    re.ASCII,
)
_CLOCK = r"(?: (\d{1,2}):(\d{2})(?::(\d{2}))?)?"
_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
_MONTHS = {
    name: i
    for i, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], start=1
    )
}
_NAMED = {
    DAY_MONTH: re.compile(r"(?P<d>\d{1,2})\.?[ -](?P<m>[a-z]{3,9})\.?[ -](?P<y>\d{4})" + _CLOCK, re.ASCII),
    MONTH_DAY: re.compile(r"(?P<m>[a-z]{3,9})\.? (?P<d>\d{1,2}),? (?P<y>\d{4})" + _CLOCK, re.ASCII),
}
# Numeric dates: three numbers with one mark between them, then perhaps a time.
_NUMERIC = re.compile(r"(\d{1,4})([./-])(\d{1,2})\2(\d{2,4})" + _CLOCK, re.ASCII)
_FORMS = ("%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d/%m/%y", "%m/%d/%y")
_ORDERS = {"%Y": (0, 1, 2), "%d": (2, 1, 0), "%m": (2, 0, 1)}


def recognise(cells: Sequence[str]) -> list[str]:
    """Return the formats that read every cell, as strftime codes; [] if the cells are not dates.

    ``"ISO"`` stands for dates such as 2024-02-29 and 2024-02-29T12:30:00+01:00. Numeric dates with another
    order are ``"%Y/%m/%d"``, ``"%d/%m/%Y"``, ``"%m/%d/%Y"`` and, with two digits of the year,
    ``"%d/%m/%y"`` and ``"%m/%d/%y"``, with ``.``, ``/`` or ``-``. ``"%d %b %Y"`` and ``"%b %d %Y"`` have
    names of months. Where two
    formats are returned, the cells do not tell whether day or month comes first.
    """
    candidates = [ISO, DAY_MONTH, MONTH_DAY, *(form.replace("/", mark) for mark in "/.-" for form in _FORMS)]
    for cell in cells:
        candidates = [form for form in candidates if _parse(cell, form) is not None]
        if not candidates:
            return []
    # With points the day comes first; only the other marks are used both ways.
    if any(form.startswith("%d.") for form in candidates):
        candidates = [form for form in candidates if form.startswith("%d.")]
    return candidates[:1] if candidates[:1] == [ISO] else candidates


def parse_dates(cells: Sequence[str], form: str) -> tuple[NDArray[np.datetime64], NDArray[np.bool_]]:
    """Read cells as dates of one format; a time zone is converted to UTC.

    Args:
        cells: Texts without blanks around them.
        form: ``"ISO"`` or a format of ``datetime.strptime``.

    Returns:
        dates: datetime64[us], NaT where a cell cannot be read.
        read: Whether each cell could be read.
    """
    known = {cell: _parse(cell, form) for cell in dict.fromkeys(cells)}
    dates = np.array([known[cell] for cell in cells], dtype="datetime64[us]")
    return dates, ~np.isnat(dates)


def _parse(cell: str, form: str) -> dt.datetime | None:
    try:
        if form == ISO:
            return _iso(cell)
        if form in _NAMED:
            return _named(cell, form)
        if form[:2] in _ORDERS and form[2] in "/.-" and len(form) == 8:
            return _numeric(cell, form)
        moment = dt.datetime.strptime(cell, form)
    except ValueError:
        return None
    return _utc(moment)


def _iso(cell: str) -> dt.datetime | None:
    month = _MONTH.fullmatch(cell)
    if month:
        return dt.datetime(int(month[1]), int(month[2]), 1)
    found = _ISO.fullmatch(cell)
    if found is None:
        return None
    day, clock, fraction, zone = found.groups()
    text = f"{day}T{clock or '00:00'}"
    if clock and len(clock) == 5:
        text += ":00"
    if not clock:
        text += ":00"
    text += f".{(fraction or '').ljust(6, '0')[:6]}"
    if zone and zone != "Z":
        text += zone if ":" in zone else f"{zone[:3]}:{zone[3:]}"
    return _utc(dt.datetime.fromisoformat(text))


def _numeric(cell: str, form: str) -> dt.datetime | None:
    found = _NUMERIC.fullmatch(cell)
    if found is None or found[2] != form[2]:
        return None
    numbers = (found[1], found[3], found[4])
    year, month, day = (numbers[place] for place in _ORDERS[form[:2]])
    if len(year) != (4 if form[-1] == "Y" or form[1] == "Y" else 2):
        return None
    if len(year) == 2:  # as POSIX reads them: 69 to 99 are 1969 to 1999
        year = ("19" if year >= "69" else "20") + year
    hour, minute, second = (int(part or 0) for part in found.groups()[4:])
    return dt.datetime(int(year), int(month), int(day), hour, minute, second)


def _named(cell: str, form: str) -> dt.datetime | None:
    found = _NAMED[form].fullmatch(cell.lower())
    month = found and _MONTHS.get(found["m"][:3])
    if not found or not month:
        return None
    hour, minute, second = (int(found[i] or 0) for i in (4, 5, 6))
    return dt.datetime(int(found["y"]), month, int(found["d"]), hour, minute, second)


def _utc(moment: dt.datetime) -> dt.datetime:
    if moment.tzinfo is None:
        return moment
    return moment.astimezone(dt.timezone.utc).replace(tzinfo=None)


def date_features(dates: Array) -> NDArray[np.float64]:
    """Turn dates into numbers, shape (m, 8); rows without a date are NaN.

    The columns are: days since 1970-01-01 with their fraction; the year; sine and cosine of the day of the
    year, counted from 0 and divided by 365.25; of the weekday, Monday being 0, divided by 7; and of the
    time of day, divided by 24 hours.
    """
    moments = dates.astype("datetime64[us]", copy=False)
    gone = np.isnat(moments)
    if gone.any():
        moments = np.where(gone, np.datetime64(0, "us"), moments)
    day = moments.astype("datetime64[D]")
    whole = day.astype(np.int64)
    clock = (moments - day).astype(np.int64) / 86_400e6
    year = day.astype("datetime64[Y]")
    features = np.empty((len(dates), len(DATE_FEATURES)))
    features[:, 0] = whole + clock
    features[:, 1] = year.astype(np.int64) + 1970.0
    features[:, 2:4] = _DAYS.take((day - year.astype("datetime64[D]")).astype(np.int64), axis=0)
    features[:, 4:6] = _WEEKDAYS.take((whole + 3) % 7, axis=0)
    features[:, 6:8] = _waves(clock) if clock.any() else (0.0, 1.0)
    if gone.any():
        features[gone] = np.nan
    return features


def _waves(part: Array) -> NDArray[np.float64]:
    """Sine and cosine of a part of a whole turn, (m, 2)."""
    turns = 2 * np.pi * part
    waves = np.empty((len(part), 2))
    np.sin(turns, out=waves[:, 0])
    np.cos(turns, out=waves[:, 1])
    return waves


_DAYS, _WEEKDAYS = _waves(np.arange(366) / 365.25), _waves(np.arange(7) / 7)
