"""How one simulated patient differs from another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import isfinite
from typing import Final


@dataclass(frozen=True, kw_only=True)
class PatientTraits:
    """The patient, the mask and the sensors.

    Attributes
    ----------
    pressure_cmh2o : float
        Set pressure at the start.
    respiratory_rate_per_min, tidal_volume_ml : float
        Of quiet breathing; both vary from breath to breath and drift over minutes.
    inspiratory_fraction : float
        Share of the inspiratory effort in a cycle.
    variability : float
        Relative spread from breath to breath.
    sighs_per_h : float
        Deep single breaths.
    critical_pressure_cmh2o : float
        Airway pressure below which the sleeping airway collapses; 3 cmH2O above it lets quiet breathing pass.
    obstructive_events_per_h : float
        How often the dilators let go; whether that is an apnea, a hypopnea or nothing, the pressure decides.
    central_events_per_h : float
        How often the drive to breathe stops, whatever the pressure.
    weak_drives_per_h : float
        How often the drive sinks to less than half: central hypopneas.
    typical_event_s : float
        Median length of an event.
    first_event_s, first_central_s : float or None
        Time at which the dilators let go, or the drive stops, for the first time, for demonstrations; not before 15 s.
    hypercapnic_response : float
        Drive for each mmHg of CO2, in L/min; 2 is usual, from about 6 on breathing waxes and wanes by itself.
    chemical_delay_s : float
        From the lung to the chemoreceptors.
    leak_lpm : float
        Unintended leak between episodes at 10 cmH2O, in L/min.
    leak_episodes_per_h : float
        Sudden leaks in an hour at 10 cmH2O; with the third power of the pressure.
    episode_leak_lpm : float
        Typical additional leak of an episode at 10 cmH2O, in L/min.
    first_leak_s : float or None
        Time of the first episode, for demonstrations.
    heart_rate_per_min, heartbeat_lpm : float
        The heart's ripple: its flow in an open airway, in L/min; none passes a closed one.
    flow_noise_lpm, pressure_noise_cmh2o : float
        Standard deviation of the sensors' noise.
    flow_step_lpm, pressure_step_cmh2o : float
        Steps of the device's numbers; 0 leaves them as they are. The defaults are a ResMed device's.
    dropouts_per_h : float
        How often samples are missing (NaN), for 0.2 to 8 s.
    """

    pressure_cmh2o: float = 8.0
    respiratory_rate_per_min: float = 14.5
    tidal_volume_ml: float = 480.0
    inspiratory_fraction: float = 0.4
    variability: float = 0.07
    sighs_per_h: float = 6.0
    critical_pressure_cmh2o: float = 5.0
    obstructive_events_per_h: float = 40.0
    central_events_per_h: float = 1.0
    weak_drives_per_h: float = 0.0
    typical_event_s: float = 17.0
    first_event_s: float | None = None
    first_central_s: float | None = None
    hypercapnic_response: float = 2.0
    chemical_delay_s: float = 6.0
    leak_lpm: float = 4.0
    leak_episodes_per_h: float = 1.0
    episode_leak_lpm: float = 28.0
    first_leak_s: float | None = None
    heart_rate_per_min: float = 62.0
    heartbeat_lpm: float = 0.6
    flow_noise_lpm: float = 0.2
    pressure_noise_cmh2o: float = 0.02
    flow_step_lpm: float = 0.12
    pressure_step_cmh2o: float = 0.02
    dropouts_per_h: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what no patient can have."""
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None and field.name in _MAY_BE_NONE:
                continue
            low, high = _BOUNDS.get(field.name, (0.0, 1e4))
            if not (isfinite(value) and low <= value <= high):
                raise ValueError(f"{field.name} lies between {low:g} and {high:g}: got {value!r}; choose one within")


_MAY_BE_NONE = ("first_event_s", "first_central_s", "first_leak_s")
_BOUNDS: Final = {
    "pressure_cmh2o": (0.0, 40.0),
    "respiratory_rate_per_min": (4.0, 60.0),
    "tidal_volume_ml": (50.0, 3000.0),
    "inspiratory_fraction": (0.15, 0.7),
    "variability": (0.0, 0.3),
    "critical_pressure_cmh2o": (-50.0, 40.0),
    "typical_event_s": (10.5, 45.0),
    "hypercapnic_response": (0.0, 10.0),
    "chemical_delay_s": (0.0, 30.0),
    "first_event_s": (15.0, 1e6),
    "first_central_s": (15.0, 1e6),
    "first_leak_s": (0.0, 1e6),
}

KINDS: Final[Mapping[str, tuple[str, Mapping[str, float]]]] = {
    "healthy": (
        "quiet breathing, no events",
        {"critical_pressure_cmh2o": -5.0, "obstructive_events_per_h": 0.0, "central_events_per_h": 0.0},
    ),
    "obstructive": (
        "obstructive apneas at 4 cmH2O, hypopneas at 8, none at 12",
        {"pressure_cmh2o": 4.0, "critical_pressure_cmh2o": 6.5, "obstructive_events_per_h": 50.0}
        | {"central_events_per_h": 0.0},
    ),
    "central": (
        "central apneas, whatever the pressure",
        {"critical_pressure_cmh2o": -5.0, "obstructive_events_per_h": 0.0, "central_events_per_h": 30.0},
    ),
    "hypopnea": (
        "hypopneas: the airway narrows but does not close, or the drive sinks",
        {"pressure_cmh2o": 8.0, "critical_pressure_cmh2o": 6.8, "obstructive_events_per_h": 30.0}
        | {"central_events_per_h": 0.0, "weak_drives_per_h": 15.0},
    ),
    "mixed": (
        "obstructive and central apneas and hypopneas",
        {"pressure_cmh2o": 6.0, "critical_pressure_cmh2o": 6.0, "central_events_per_h": 12.0}
        | {"weak_drives_per_h": 6.0},
    ),
    "periodic": (
        "high loop gain: breathing that waxes and wanes until it stops, as Cheyne and Stokes described it",
        {"critical_pressure_cmh2o": -5.0, "obstructive_events_per_h": 0.0, "central_events_per_h": 0.0}
        | {"hypercapnic_response": 8.0, "chemical_delay_s": 12.0},
    ),
}
"""By name: what is to be seen, and the traits that make it."""
