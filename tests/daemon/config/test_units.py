"""The units of a home and what they become."""

from __future__ import annotations

import pytest

from daemon.config import conversion, find_unit


@pytest.mark.parametrize(
    ("unit", "store_as", "value", "expected"),
    [
        pytest.param("°F", "°C", 32, 0, id="freezing"),
        pytest.param("°F", "°C", 212, 100, id="boiling"),
        pytest.param("°C", "°F", -40, -40, id="where-both-meet"),
        pytest.param("K", "°C", 273.15, 0, id="kelvin"),
        pytest.param("°C", "K", 20, 293.15, id="to-kelvin"),
        pytest.param("°F", "K", 212, 373.15, id="fahrenheit-to-kelvin"),
        pytest.param("Wmin", "Wh", 60, 1, id="shelly-watt-minutes"),
        pytest.param("Ws", "kWh", 3_600_000, 1, id="joule"),
        pytest.param("kWh", "Wh", 1.5, 1500, id="kilowatt-hours"),
        pytest.param("mbar", "hPa", 1013.2, 1013.2, id="millibar"),
        pytest.param("inHg", "hPa", 29.92, 1013.207, id="barometer-in-inches"),
        pytest.param("psi", "bar", 14.5037738, 1, id="tyre"),
        pytest.param("mph", "km/h", 60, 96.56064, id="wind"),
        pytest.param("kn", "m/s", 1, 0.514444, id="knots"),
        pytest.param("in", "mm", 1, 25.4, id="rain-in-inches"),
        pytest.param("gal", "L", 1, 3.785412, id="gallon"),
        pytest.param("m³", "L", 1, 1000, id="water-meter"),
        pytest.param("L/h", "L/min", 60, 1, id="flow"),
        pytest.param("ratio", "%", 0.84, 84, id="power-factor"),
        pytest.param("ppm", "%", 400, 0.04, id="carbon-dioxide"),
        pytest.param("mA", "A", 215, 0.215, id="milliampere"),
        pytest.param("GiB", "MB", 1, 1073.741824, id="memory"),
        pytest.param("h", "s", 1.5, 5400, id="hours"),
        pytest.param("µg/m³", "mg/m³", 12, 0.012, id="dust"),
    ],
)
def test_value_in_another_unit(unit: str, store_as: str, value: float, expected: float) -> None:
    factor, shift = conversion(unit, store_as)
    assert value * factor + shift == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("spelling", "symbol"),
    [
        pytest.param("C", "°C", id="no-sign"),
        pytest.param("celsius", "°C", id="word"),
        pytest.param("Celsius", "°C", id="capital"),
        pytest.param("℃", "°C", id="one-character"),
        pytest.param("kwh", "kWh", id="lower-case"),
        pytest.param("KWH", "kWh", id="upper-case"),
        pytest.param("mW", "mW", id="milliwatt"),
        pytest.param("MW", "MW", id="megawatt"),
        pytest.param("μg/m³", "µg/m³", id="greek-mu"),
        pytest.param("ug/m3", "µg/m³", id="ascii"),
        pytest.param(" % ", "%", id="blanks"),
        pytest.param("Lux", "lx", id="lux"),
    ],
)
def test_unit_is_known_by_its_spellings(spelling: str, symbol: str) -> None:
    assert find_unit(spelling).symbol == symbol


@pytest.mark.parametrize(
    ("spelling", "words"),
    [
        pytest.param("mw", "did you mean MW or mW", id="case-decides"),
        pytest.param("farenheit", "did you mean fahrenheit", id="typo"),
        pytest.param("smoots", "`scale` and `offset`", id="unknown"),
        pytest.param("", "not known", id="empty"),
    ],
)
def test_unknown_unit_is_refused(spelling: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        find_unit(spelling)


def test_units_of_two_kinds_are_refused_with_those_that_fit() -> None:
    with pytest.raises(ValueError, match=r"°C can be stored as °C, °F, K"):
        conversion("°C", "hPa")
