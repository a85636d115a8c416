"""Points out of a data file and into one, in the forms of other programs.

Works in pieces: memory does not grow with the number of points. What was begun can be gone on with.
Knows the engine; neither configuration nor collector.
"""
