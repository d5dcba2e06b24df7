"""Every threshold of the product, each with its source.

Sources: *trial* is the project's own comparison of detectors on nights with a device's scoring; *F37*, *F41* are
clauses of the feature list; *AASM 2008* is the clinical guideline for the manual titration of positive airway pressure;
*house* is this sleep lab's own clinical rule, settable where the text says so. The detector's amplitudes are fractions
of the running peak amplitude, so that leak, gain and patient size drop out.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import isfinite

MINIMUM_RATE_HZ = 1.0
"""Slowest sampling in which a resting breath (3 to 4 s) still has a rise and a fall."""

MAXIMUM_RATE_HZ = 200.0
"""Fastest device the ingest contract admits; the start-up buffer is sized by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Thresholds of the breath detector and of the breath-gap rule; the defaults are the one setting we judge by."""

    smoothing_s: float = 0.24
    """Moving average of flow: one period of the ResMed device's 4.17 Hz probe, so that it vanishes (trial)."""

    step_s: float = 0.08
    """Decisions are taken on means of this length, a third of the smoothing (trial: no loss against every sample)."""

    onset_fraction: float = 0.18
    """An inspiration begins where flow exceeds the baseline by this share of the amplitude. 0.15 in the trial; of
    0.15 to 0.25 the ResMed nights' rate differs by 3 %; of simulated breaths 0.2 misses more, 0.15 invents more."""

    refractory_s: float = 0.6
    """Nor sooner than this after the onset before: 100 a minute is more than a newborn's (ResMed nights: 0.6 to 1 s do
    alike, without it a flutter counts twice; the sample recordings breathe up to once in 1.2 s)."""

    typical_step: float = 0.05
    """A deep breath is no measure for the weak ones after it: the amplitude above which an onset must stand is at most
    the typical one, which goes up or down by this share with each breath that is larger or smaller (simulated patients:
    after arousals and in periodic breathing the last breaths are twice as deep)."""

    end_fraction: float = 0.03
    """... and has ended below this share; the distance between both keeps noise from making breaths (trial)."""

    dip_level: float = 0.25
    """An inspiration is over as well when it fell below this share of the amplitude above the baseline ..."""

    dip_rise: float = 0.15
    """... and then rises by this share: that is the next one, which the device counts (ResMed nights: 0.1 to 0.2 do
    alike; by 0.4 from below 0.17 the rate's error is 0.01 higher for both people)."""

    hump_fraction: float = 0.35
    """A weak breath, which never reaches the onset level, rises and falls by this share within an expiration. The
    device counts those, swallows among them; at 0.3 and at 0.4 the rate's error is higher (ResMed nights)."""

    hump_level: float = 0.03
    """... and its top lies above the baseline by this share (ResMed nights: at 0.3 swallows outnumber breaths)."""

    longest_hump_s: float = 3.0
    """... but no longer than an inspiration, so that a pause does not become one (longest of the samples: 2.7 s)."""

    swing: float = 1.7
    """Flow that rises by so many amplitudes and falls again is a breath, wherever it stands: a leak moved it."""

    drift_gain: float = 0.12
    """The mean of eleven breaths lags behind a leak that drifts: how far is learned by this share with each breath. At
    0.2 L/s in 10 min minute ventilation's error changes by 3 % with it, by 5 % with 0.05 (ResMed nights)."""

    drift_most: float = 0.05
    """... of at most this share of the amplitude, or a single sigh would look like a drift."""

    leap: float = 0.2
    """A leak has changed when the mean flow of three breaths in a row is off by this share of the amplitude, all to one
    side, and differs among them by less than half of it: then theirs is the baseline (leak steps, simulated and put
    into the sample recordings; so much agreement is rare else: on the ResMed nights the rate's error stays)."""

    leap_breaths: float = 3.0
    """... the three; with two the rate's error on the ResMed nights is 0.01 higher."""

    start_up_s: float = 8.0
    """Samples kept back to find the first baseline and amplitude: two breaths at 15/min (trial)."""

    pause_share: float = 0.15
    """The end-expiratory pause is the narrowest band of flow holding this share of the start-up samples (trial)."""

    pause_band: float = 0.06
    """A band wider than this share of the flow's spread is no pause; the mean is taken instead (sample recordings)."""

    stuck_s: float = 6.0
    """A phase this long and off the baseline is a changed leak: the baseline is pulled to its mean (trial)."""

    imbalance_breaths: float = 2.0
    """An expiration is off the baseline when in and out differ by so many tidal volumes since the onset: no lung keeps
    or gives that much beyond its breath (leak steps put into the sample recordings; 3 does as well)."""

    minimum_amplitude_lpm: float = 1.0
    """Below this no human breath peaks (a newborn of 2.5 kg: 15 mL in 0.5 s peaks at 2.8 L/min); it is sensor noise."""

    amplitude_hold_s: float = 20.0
    """Without a breath the amplitude is held for so long (CLINICAL: the high-priority alarm) and only then sinks."""

    amplitude_decay_s: float = 60.0
    """Time constant with which it then sinks, so that breathing that returns ten times weaker is found in minutes."""

    amplitude_floor_fraction: float = 0.25
    """... but not below this share of what it was: noise in a long pause must not become breaths."""

    noise_multiple: float = 5.3
    """... nor so far that the onset level comes below this multiple of the pause's mean bend (the second difference of
    smoothed flow): for white noise that is 4.9 standard deviations, passed by chance once in days."""

    noise_deviations: float = 5.5
    """An onset level stands above this many standard deviations of smoothed flow's noise, by its fourth difference over
    20 s: sensor noise passes it once in hours, not thousands of times in one (an hour of white noise of 0.3 to 5 L/min;
    on the ResMed nights it never comes into play)."""

    breath_gap_s: float = 10.0
    """F37, F41: longer than this from one inspiratory peak to the next is a breath gap."""

    stretch_gap_s: float = 10.0
    """Missing signal of this length ends a stretch; as long as a breath gap, which could have passed in it unseen."""

    effort_window_s: float = 2.0
    """Scored apneas are seen on the mean of |flow - baseline| over so long (ResMed's own rule; trial)."""

    apnea_enter: float = 0.25
    """Such a mean below this share of its long mean may be an apnea (ResMed's own rule is flow down by 75 %; trial)."""

    apnea_leave: float = 0.45
    """... until it is above this share, so that a heartbeat or a sigh's rest does not end it (trial)."""

    apnea_hold_s: float = 8.2
    """... and is one when held for so long: with the window's own length flow has been low for 10 s (trial)."""

    apnea_depth: float = 0.45
    """... if flow differs from its own mean by less than this share on average, else a hypopnea: for devices any; for
    the AASM's 90 % 0.15, since heartbeat and probe are in it, too (simulated patients)."""

    reference_s: float = 60.0
    """Memory of the long mean (trial; 40 to 120 s hit the same apneas of the ResMed nights)."""

    reference_clip: float = 2.0
    """More than this multiple of the long mean counts as so much: an arousal's breaths are no measure (trial)."""

    reference_hold_s: float = 120.0
    """Reduced breathing is left out of the long means (CLINICAL), but for no longer: then it is the usual one."""

    scoring_from_s: float = 20.0
    """No event is scored before so much of a stretch is known: some five breaths."""

    hypopnea_share: float = 0.5
    """Breaths whose peak flow is below this share of the usual one are shallow (CLINICAL: a device's own rule)."""

    hypopnea_leave: float = 0.6
    """... until one is above this share, so that a single deeper breath does not end it (simulated weak drives)."""

    hypopnea_s: float = 10.0
    """... and two or more of them are a hypopnea when they last so long (CLINICAL)."""

    reference_breaths: float = 30.0
    """The usual is the median of so many breaths: two minutes of stable breathing at 15/min (CLINICAL); at most 64."""

    stable_share: float = 0.7
    """A breath below this share of the usual one is reduced (CLINICAL: down by 30 %) and no stable breathing."""

    recovery_s: float = 15.0
    """Nor are those so soon after an event: the deep breaths of an arousal (they fade within some 15 s)."""

    probe_hz: float = 25.0 / 6.0
    """ResMed's probe in an apnea: one period in six samples at 25 Hz."""

    probe_window_s: float = 1.92
    """Eight periods of it, so that the rest of an expiration does not leak into its frequency (ResMed nights)."""

    probe_after_s: float = 3.0
    """It comes on some 4 s after flow ceased; what is before is not looked at (ResMed nights)."""

    probe_least_cmh2o: float = 0.05
    """Amplitude from which it counts as on: without it 0.01 or 0.02 are there, with it 0.1 to 0.5 (ResMed nights)."""

    open_airway_lps_per_cmh2o: float = 0.105
    """Above this answer of flow to pressure the airway is open and the apnea central (trial: 17 of 17 right)."""

    sign_memory_s: float = 300.0
    """From so much signal it is told whether flow is inverted (of 120 s, one in a hundred looked so; ResMed nights)."""

    inverted_skewness: float = 0.5
    """Flow is inverted when its slope is skewed by more than this: at most 0.22 as it should be (ResMed nights)."""

    pressure_time_constant_s: float = 3.0
    """Slow mean of airway pressure: about one breath, so that breathing's own swing does not move the number."""

    def __post_init__(self) -> None:
        """Refuse thresholds that are no positive number, and an end level at or above the onset level."""
        for field in fields(self):
            value = getattr(self, field.name)
            if not (isfinite(value) and value > 0):
                raise ValueError(
                    f"{field.name} must be a finite number above 0: got {value!r}; leave it out for the default"
                )
        if self.end_fraction >= self.onset_fraction:
            raise ValueError(
                f"end_fraction must lie below onset_fraction: got {self.end_fraction} and {self.onset_fraction}; "
                "lower the one or raise the other"
            )
        if self.apnea_enter >= self.apnea_leave:
            raise ValueError(
                f"apnea_enter must lie below apnea_leave: got {self.apnea_enter} and {self.apnea_leave}; "
                "lower the one or raise the other"
            )
        if self.hypopnea_share > self.hypopnea_leave:
            raise ValueError(
                f"hypopnea_share must not lie above hypopnea_leave: got {self.hypopnea_share} and "
                f"{self.hypopnea_leave}; lower the one or raise the other"
            )


DEFAULT_RULES = Rules()

PRESETS = {
    "device": DEFAULT_RULES,
    "aasm": Rules(apnea_depth=0.15, hypopnea_share=0.7, hypopnea_leave=0.72, reference_s=120.0),
}
"""By which rule events are scored. `device`: as a CPAP device does, flow down by 75 % or to 50 %, the one we judge by;
`aasm`: flow down by 90 % or by 30 %, against two minutes of stable breathing (CLINICAL). The 0.72 is 0.7 and what noise
does to a peak: at 0.75 a run went on with breaths that are not reduced (simulated patients)."""


def preset_rules(preset: str) -> Rules:
    """Give the rules of a preset."""
    if preset not in PRESETS:
        raise ValueError(f"preset {preset!r} is unknown: use one of {', '.join(PRESETS)}")
    return PRESETS[preset]


BREATHS_IN_MEANS = 5
"""ResMed's RespRate is 60 / mean(last 5 breath intervals), held (measured on SD-card recordings); volumes likewise."""

BREATHS_IN_AMPLITUDE = 9
"""The amplitude is the mean of the middle seven of so many peaks: a deep breath or two must not hide a weak one (on the
ResMed nights the rate's error is 0.015 per min higher with 5, 7 to 17 do alike; sooner it follows a change)."""

BREATHS_IN_BASELINE = 11
"""The baseline is the middle seven of so many breaths' mean flow: of five breaths a sigh or a swallow moves it by a
tenth of the amplitude. With 9 the rate's error on the ResMed nights is 0.01 higher, with 13 a little lower, but more
simulated events are missed."""

NO_BREATH_HIGH_S = 20.0
"""No breath for so long is an alarm of high priority (house, in the spirit of IEC 60601-1-8)."""

LARGE_LEAK_LPM = 24.0
"""Above this, over the mask's expected vent flow, a leak is large (ResMed's own limit; settable by mask type)."""

LARGE_LEAK_S = 20.0
"""... when it lasts longer than this (house)."""

MIN_CPAP_CMH2O = 4
"""Lowest pressure of a command, and the starting pressure of a titration (AASM 2008)."""

MAX_CPAP_ADULT_CMH2O = 20
"""Highest CPAP from 12 years on; above it a command needs a reason and a second confirmation (AASM 2008)."""

ADULT_FROM_YEARS = 12
"""From this age on the adults' rules of titration hold (AASM 2008)."""

MAX_CPAP_CHILD_CMH2O = 15
"""Highest CPAP under 12 years (AASM 2008)."""

MAX_COMMAND_CMH2O = 25
"""Hard upper limit of any command (house)."""
