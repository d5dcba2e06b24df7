"""A patient under CPAP whose airway answers to pressure, and the device at the bed (F49)."""

from cpap_core.simulate.device import SimulatedDevice
from cpap_core.simulate.patient import SimulatedPatient
from cpap_core.simulate.recorded import record
from cpap_core.simulate.traits import KINDS, PatientTraits
from cpap_core.simulate.truth import LeakEpisode, TrueEvent, Truth

__all__ = [
    "KINDS",
    "LeakEpisode",
    "PatientTraits",
    "SimulatedDevice",
    "SimulatedPatient",
    "TrueEvent",
    "Truth",
    "record",
]
