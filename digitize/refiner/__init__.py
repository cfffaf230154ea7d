"""What a fitted stroke still gets wrong, learned from lines whose truth is known: at notches, in beats, over gaps.

`view` shows a fitted line and the ink around it to the network, `refining` asks it, and the rest makes it.
"""

from digitize.refiner.refining import refined
from digitize.refiner.view import LineView, line_view

__all__ = ["LineView", "line_view", "refined"]
