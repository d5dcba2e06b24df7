"""What is the same in every simulated patient, each with its source; *chosen* is ours, within what the source reports.

`docs/simulated-patient.md` has the equations and the references in full.
"""

from __future__ import annotations

# Lung and chest: equation of motion (Otis, Fenn and Rahn 1950).
ELASTANCE_CMH2O_PER_L = 15.0
"""Lung and chest together: 67 mL/cmH2O (chosen, a normal sleeper's)."""

LOWER_RESISTANCE = 1.5
"""From the pharynx to the alveoli, in cmH2O s/L (chosen; the smaller part: Ferris, Mead and Opie 1964)."""

# Upper airway: Starling resistor (Smith et al. 1988; Gold and Schwartz 1996).
UPPER_RESISTANCE = 5.0
"""From the mask to the collapsible segment, in cmH2O s/L. With the lower part it is 6.5, so that an open airway answers
the probe with 0.15 L/s per cmH2O; measured on ResMed recordings in central apneas: 0.12 to 0.20."""

DILATION_CMH2O = 10.0
"""So far the dilators keep the critical pressure below the sleeping one while sleep is stable (chosen)."""

AROUSED_DILATION_CMH2O = 15.0
"""... and after an arousal, when the critical pressure is far below that of sleep (chosen)."""

COLLAPSE_TIME_S = 2.0
"""Time constant with which the dilators let go: over the first one or two breaths of an event (chosen)."""

OPENING_TIME_S = 0.15
"""... and take hold at an arousal (chosen: within the effort)."""

CRITICAL_SPREAD_CMH2O = 0.3
CRITICAL_CORRELATION_S = 240.0
"""The critical pressure drifts with posture and depth of sleep (chosen)."""

MASK_COMPLIANCE_L_PER_CMH2O = 0.0019
"""Mask, hose end and pharynx walls: all that answers the probe when the airway is closed, with 2 pi 4.17 Hz times this:
0.05 L/s per cmH2O; measured on ResMed recordings in obstructive apneas: 0.03 to 0.09."""

# Effort: shape of the muscles' pressure (Albanese et al. 2016).
EXPIRATORY_SHARE = 0.2
"""The muscles relax with a time constant of this share of expiration (Albanese et al. 2016)."""

# Chemical drive: one store of CO2, a delay, a linear controller (Khoo et al. 1982).
EUPNEIC_CO2_MMHG = 40.0
DEAD_SPACE_SHARE = 0.3
"""Of a tidal volume (textbook value)."""

CO2_STORE_L = 17.0
"""So large that PCO2 rises by about 11 mmHg in a minute without breath (chosen)."""

SHALLOWEST_DRIVE, DEEPEST_DRIVE = 0.15, 2.2
"""Relative to quiet breathing. Less is no breath: the apneic threshold (Skatrud and Dempsey 1983); more is not asked
for by CO2 alone in the range of an apnea (chosen)."""

RATE_SHARE = 0.2
"""Of a change of drive so much, as a power, goes to the rate, the rest to depth (chosen)."""

CHECK_S = 2.0
"""Without drive the patient is looked at so often."""

# Arousal: at a level of effort (Gleeson, Zwillich and White 1990), which here follows CO2.
AROUSAL_SPREAD = 0.2
"""Log-normal spread of the level from event to event (chosen)."""

AROUSAL_GAIN = 1.5
"""The waking drive multiplies effort by so much at first (chosen) ..."""

AROUSAL_S = 6.0
"""... and fades with this time constant (chosen)."""

LARGEST_EFFORT = 2.6
"""Chemical and waking drive together (chosen)."""

SHORTEST_COLLAPSE_S = 8.0
"""Nothing wakes the patient sooner (chosen)."""

LONGEST_COLLAPSE_S = 60.0
"""By then the dilators have come back by themselves where nothing woke the patient (chosen)."""

REST_S = 15.0
"""Shortest time of stable sleep between two events."""

# Variability of breathing (Benchetrit 2000): Ornstein-Uhlenbeck processes.
BREATH_CORRELATION_S = 5.0
DRIFT_CORRELATION_S = 180.0
PACE_DRIFT, DEPTH_DRIFT = 0.05, 0.06
SIGH_GAIN = 1.7
LONGEST_CYCLE_S = 7.5
"""Apart from events no cycle is longer, so that quiet breathing never makes a breath gap."""

# Leak: flow through an opening goes with the root of the pressure (Bernoulli).
LEAK_REFERENCE_CMH2O = 10.0
LEAK_TIME_S = 0.3
LEAK_DRIFT, LEAK_CORRELATION_S = 0.3, 300.0

# The device. Frequency, size, and the steps of its numbers are those of ResMed recordings.
HOSE_RESISTANCE = 1.8
"""What its regulation leaves of the pressure's dip with patient flow, in cmH2O s/L (chosen)."""

PROBE_HZ = 4.17
PROBE_CMH2O = 0.5
"""1 cmH2O from peak to peak, in a closed airway."""

PROBE_AFTER_S = 5.0
"""The device probes only when flow has been quiet for so long: on the recordings 5 to 6 s, and never else."""

PROBE_RAMP_S = 0.5
QUIET_SHARE = 0.2
"""Flow is quiet below this share of its running peak (chosen)."""

WATCH_MEMORY_S = 60.0
WATCH_TIME_S = 0.2
RAMP_CMH2O_PER_S = 1.0
"""A commanded pressure is reached by so much in a second (chosen)."""

LOWEST_OSCILLATION_RATE_HZ = 10.0
"""Below this sampling rate probe and heartbeat would fold into the frequencies of breathing: they are left out."""

LOWEST_STEPS_PER_S = 100.0
"""The equations are solved at least so often, whatever the sampling rate."""
