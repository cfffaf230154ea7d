"""Labelled 12-lead ECGs from a model of the heart as one moving dipole.

`sampling` draws the parameters of a record, `synthesis` makes the record; between them stand `population` (normal and
blocked beats as they occur), `infarction`, `ventricle` and `rhythm` (what findings change), `shape` and `dipole` (a
beat as Gaussians, and what the leads see of it). The leads are projections of one dipole by Dower's coefficients, so
the algebra of the limb leads holds exactly.
"""

from synth.physiology.dipole import DOWER, Gaussian
from synth.physiology.infarction import TERRITORIES, j_limits_mv
from synth.physiology.params import PhysiologyParams
from synth.physiology.rhythm import AtrialWaves, Event
from synth.physiology.sampling import KINDS, parse_kind, sample_kind, sample_physiology
from synth.physiology.synthesis import synthesize_record

__all__ = [
    "DOWER",
    "KINDS",
    "TERRITORIES",
    "AtrialWaves",
    "Event",
    "Gaussian",
    "PhysiologyParams",
    "j_limits_mv",
    "parse_kind",
    "sample_kind",
    "sample_physiology",
    "synthesize_record",
]
