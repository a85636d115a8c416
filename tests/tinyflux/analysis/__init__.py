"""Statistics, latest points, arrays and lines of text, against computations over plain points."""
