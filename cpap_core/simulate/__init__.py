"""A patient under CPAP who breathes as told by seed and pressure, and the device at the bed (F49)."""

from cpap_core.simulate.device import SimulatedDevice
from cpap_core.simulate.patient import PatientTraits, SimulatedPatient
from cpap_core.simulate.recorded import record
from cpap_core.simulate.truth import LeakEpisode, TrueEvent, Truth

__all__ = ["LeakEpisode", "PatientTraits", "SimulatedDevice", "SimulatedPatient", "TrueEvent", "Truth", "record"]
