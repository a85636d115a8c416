"""The units of a home, their spellings, and how one becomes another.

A unit is a kind and a straight line to that kind's base unit: base = value * factor + shift. Exact
factors by definition (SI, international inch, US gallon). Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from daemon.config.habits import suggest


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit; `symbol` is the spelling to show."""

    symbol: str
    kind: str
    factor: float
    shift: float = 0.0


# kind: (symbol and its spellings, factor, shift); spellings that differ only in case are found.
_TABLE: dict[str, tuple[tuple[str, float, float], ...]] = {
    "temperature": (
        ("°C C degC celsius ℃ ºC deg_C", 1.0, 0.0),
        ("°F F degF fahrenheit ℉ ºF deg_F", 5 / 9, -160 / 9),
        ("K kelvin", 1.0, -273.15),
    ),
    "energy": (
        ("Wh watthour watt_hours", 1.0, 0.0),
        ("kWh kilowatt_hours", 1e3, 0.0),
        ("MWh", 1e6, 0.0),
        ("GWh", 1e9, 0.0),
        ("Wmin W·min watt_minutes", 1 / 60, 0.0),
        ("J Ws joule", 1 / 3600, 0.0),
        ("kJ", 1e3 / 3600, 0.0),
        ("MJ", 1e6 / 3600, 0.0),
        ("GJ", 1e9 / 3600, 0.0),
        ("kcal", 4184 / 3600, 0.0),
    ),
    "power": (
        ("W watt watts", 1.0, 0.0),
        ("mW", 1e-3, 0.0),
        ("kW", 1e3, 0.0),
        ("MW", 1e6, 0.0),
        ("BTU/h", 0.29307107017222, 0.0),
    ),
    "apparent power": (("VA", 1.0, 0.0), ("kVA", 1e3, 0.0)),
    "reactive power": (("var VAr", 1.0, 0.0), ("kvar kVAr", 1e3, 0.0)),
    "voltage": (
        ("V volt volts", 1.0, 0.0),
        ("mV", 1e-3, 0.0),
        ("µV uV", 1e-6, 0.0),
        ("kV", 1e3, 0.0),
    ),
    "current": (
        ("A ampere amps", 1.0, 0.0),
        ("mA", 1e-3, 0.0),
        ("µA uA", 1e-6, 0.0),
    ),
    "charge": (("Ah", 1.0, 0.0), ("mAh", 1e-3, 0.0)),
    "frequency": (("Hz", 1.0, 0.0), ("kHz", 1e3, 0.0), ("MHz", 1e6, 0.0), ("GHz", 1e9, 0.0)),
    "rotation": (("rpm 1/min U/min", 1.0, 0.0),),
    "pressure": (
        ("Pa pascal", 1.0, 0.0),
        ("hPa", 1e2, 0.0),
        ("kPa", 1e3, 0.0),
        ("MPa", 1e6, 0.0),
        ("mbar millibar", 1e2, 0.0),
        ("bar", 1e5, 0.0),
        ("psi", 6894.757293168, 0.0),
        ("mmHg", 133.322387415, 0.0),
        ("inHg", 3386.388640341, 0.0),
        ("mmH2O mmH₂O", 9.80665, 0.0),
    ),
    "length": (
        ("m meter metre", 1.0, 0.0),
        ("mm", 1e-3, 0.0),
        ("cm", 1e-2, 0.0),
        ("km", 1e3, 0.0),
        ("in inch inches", 0.0254, 0.0),
        ("ft feet foot", 0.3048, 0.0),
        ("yd", 0.9144, 0.0),
        ("mi mile miles", 1609.344, 0.0),
    ),
    "speed": (
        ("m/s mps", 1.0, 0.0),
        ("km/h kmh kph", 1 / 3.6, 0.0),
        ("mph mi/h", 0.44704, 0.0),
        ("kn kt knots", 1852 / 3600, 0.0),
        ("ft/s", 0.3048, 0.0),
    ),
    "rain rate": (("mm/h", 1.0, 0.0), ("mm/d", 1 / 24, 0.0), ("in/h", 25.4, 0.0)),
    "area": (("m² m2", 1.0, 0.0), ("ft² ft2", 0.09290304, 0.0)),
    "volume": (
        ("L l liter litre litres", 1.0, 0.0),
        ("mL ml", 1e-3, 0.0),
        ("m³ m3 cbm", 1e3, 0.0),
        ("gal gallon gallons", 3.785411784, 0.0),
        ("ft³ ft3", 28.316846592, 0.0),
    ),
    "flow": (
        ("L/min l/min lpm", 1.0, 0.0),
        ("L/h l/h", 1 / 60, 0.0),
        ("L/s l/s", 60.0, 0.0),
        ("m³/h m3/h", 1e3 / 60, 0.0),
        ("gal/min gpm", 3.785411784, 0.0),
    ),
    "mass": (
        ("kg", 1.0, 0.0),
        ("g gram grams", 1e-3, 0.0),
        ("mg", 1e-6, 0.0),
        ("t tonne", 1e3, 0.0),
        ("lb lbs", 0.45359237, 0.0),
        ("oz", 0.028349523125, 0.0),
        ("st stone", 6.35029318, 0.0),
    ),
    "time": (
        ("s sec second seconds", 1.0, 0.0),
        ("ms", 1e-3, 0.0),
        ("µs us", 1e-6, 0.0),
        ("min minute minutes", 60.0, 0.0),
        ("h hour hours", 3600.0, 0.0),
        ("d day days", 86400.0, 0.0),
    ),
    "data": (
        ("B byte bytes", 1.0, 0.0),
        ("kB KB", 1e3, 0.0),
        ("MB", 1e6, 0.0),
        ("GB", 1e9, 0.0),
        ("TB", 1e12, 0.0),
        ("KiB", 2.0**10, 0.0),
        ("MiB", 2.0**20, 0.0),
        ("GiB", 2.0**30, 0.0),
        ("TiB", 2.0**40, 0.0),
    ),
    "data rate": (
        ("bit/s bps", 1.0, 0.0),
        ("kbit/s kbps", 1e3, 0.0),
        ("Mbit/s Mbps", 1e6, 0.0),
        ("B/s", 8.0, 0.0),
        ("kB/s", 8e3, 0.0),
        ("MB/s", 8e6, 0.0),
    ),
    "ratio": (
        ("% percent pct", 1.0, 0.0),
        ("1 ratio", 100.0, 0.0),
        ("‰ permille", 0.1, 0.0),
        ("ppm", 1e-4, 0.0),
        ("ppb", 1e-7, 0.0),
    ),
    "illuminance": (("lx lux", 1.0, 0.0), ("klx", 1e3, 0.0), ("fc footcandle", 10.763910417, 0.0)),
    "irradiance": (("W/m² W/m2", 1.0, 0.0), ("kW/m² kW/m2", 1e3, 0.0)),
    "angle": (("° deg degree degrees", 1.0, 0.0), ("rad", 57.29577951308232, 0.0)),
    "concentration": (
        ("µg/m³ ug/m3 µg/m3 μg/m³", 1.0, 0.0),
        ("mg/m³ mg/m3", 1e3, 0.0),
    ),
    "conductivity": (("µS/cm uS/cm", 1.0, 0.0), ("mS/cm", 1e3, 0.0)),
    "signal": (("dBm", 1.0, 0.0),),
    "sound": (("dB dBA dB(A)", 1.0, 0.0),),
}

_EXACT: dict[str, Unit] = {}
_FOLDED: dict[str, Unit | None] = {}
for _kind, _rows in _TABLE.items():
    for _spellings, _factor, _shift in _rows:
        _symbol, *_others = _spellings.split()
        _unit = Unit(_symbol, _kind, _factor, _shift)
        for _spelling in (_symbol, *_others):
            _EXACT[_spelling] = _unit
            _folded = _spelling.casefold()
            _is_clear = _FOLDED.get(_folded, _unit) == _unit
            _FOLDED[_folded] = _unit if _is_clear else None


def find_unit(text: str) -> Unit:
    """The unit that a text spells.

    Raises:
        ValueError: for an unknown unit, or one whose case decides (mW, MW) and fits neither.
    """
    spelling = text.strip().replace("μ", "µ")
    unit = _EXACT.get(spelling) or _FOLDED.get(spelling.casefold())
    if unit is not None:
        return unit
    same = sorted(name for name in _EXACT if name.casefold() == spelling.casefold())
    meant = " or ".join(same) or suggest(spelling, _EXACT)
    if meant:
        raise ValueError(f"the unit {text!r} is not known; did you mean {meant}?")
    known = ", ".join(dict.fromkeys(unit.symbol for unit in _EXACT.values()))
    raise ValueError(
        f"the unit {text!r} is not known; it is one of {known}; convert any other with `scale` and "
        f"`offset` instead"
    )


def conversion(unit: str, store_as: str) -> tuple[float, float]:
    """Factor and shift that turn a value in `unit` into one in `store_as`: value * factor + shift.

    Raises:
        ValueError: for an unknown unit, or two that measure different things.
    """
    source, target = find_unit(unit), find_unit(store_as)
    if source.kind != target.kind:
        others = [row[0].split()[0] for row in _TABLE[source.kind]]
        raise ValueError(
            f"{source.symbol} measures {source.kind}, {target.symbol} measures {target.kind}; "
            f"{source.symbol} can be stored as {', '.join(others)}"
        )
    return source.factor / target.factor, (source.shift - target.shift) / target.factor
