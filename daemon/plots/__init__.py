"""Curves of a data file, drawn with characters or as a picture.

Knows questions and answers of `daemon.query`; neither configuration nor collector.
"""

from daemon.plots.axes import number_ticks, time_ticks
from daemon.plots.canvas import Style, draw
from daemon.plots.curves import Curve, Curves, curves_of, suitable_window
from daemon.plots.picture import PICTURES, save_picture

__all__ = [
    "PICTURES",
    "Curve",
    "Curves",
    "Style",
    "curves_of",
    "draw",
    "number_ticks",
    "save_picture",
    "suitable_window",
    "time_ticks",
]
