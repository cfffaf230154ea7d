"""Pages read from the paths of a PDF, without drawing them."""

from digitize.vector.reader import read_vector

__all__ = ["read_vector"]
