"""The simulated patient (F49): believable, seeded, the same however it is cut, and answering to pressure."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from cpap_core.simulate import KINDS, SimulatedDevice, SimulatedPatient, TrueEvent
from cpap_core.types import EventKind

HOUR = 25 * 3600
OBSTRUCTIVE = {EventKind.OBSTRUCTIVE_APNEA, EventKind.HYPOPNEA}


def obstructive_per_h(pressure_cmh2o: float, seed: int = 3, hours: int = 4) -> float:
    patient = SimulatedPatient(seed, critical_pressure_cmh2o=6.5, pressure_cmh2o=pressure_cmh2o)
    patient.samples(hours * HOUR)
    return sum(event.kind in OBSTRUCTIVE for event in patient.truth.events) / hours


@pytest.mark.holds("F49.4")
@pytest.mark.parametrize("chunk", [1, 2, 7, 25, 1000])
def test_any_chunking_gives_the_same_samples(chunk: int) -> None:
    """STYLE.md: results do not depend on chunk size; here also across a change of pressure."""
    traits = {"first_event_s": 20, "critical_pressure_cmh2o": 11, "first_leak_s": 30, "dropouts_per_h": 60}
    whole, cut = (SimulatedPatient(5, **traits) for _ in range(2))

    def breathe(patient: SimulatedPatient, n: int) -> np.ndarray:
        before = [patient.samples(min(n, 2000 - first)) for first in range(0, 2000, n)]
        patient.set_pressure(12)
        return np.concatenate(before + [patient.samples(min(n, 2000 - first)) for first in range(0, 2000, n)], axis=1)

    expected, got = breathe(whole, 2000), breathe(cut, chunk)
    np.testing.assert_array_equal(got, expected)
    assert got.dtype == np.float32
    assert cut.truth == whole.truth


@pytest.mark.holds("F49.4")
def test_a_seed_is_one_patient_and_another_is_another() -> None:
    first, again, other = (SimulatedPatient(seed).samples(500)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_quiet_breathing_has_the_rate_volume_and_variation_asked_for() -> None:
    patient = SimulatedPatient(
        2,
        critical_pressure_cmh2o=-5,
        central_events_per_h=0,
        respiratory_rate_per_min=15,
        tidal_volume_ml=500,
        sighs_per_h=0,
    )
    patient.samples(HOUR)
    breaths = patient.truth.breaths
    volumes = np.array([breath.tidal_volume_ml for breath in breaths])
    cycles = np.array([breath.inspiratory_time_s + breath.expiratory_time_s for breath in breaths])
    assert 15 * 60 * 0.93 < len(breaths) < 15 * 60 * 1.07
    assert 470 < np.median(volumes) < 530
    assert 0.05 < volumes.std() / volumes.mean() < 0.3
    assert 0.05 < cycles.std() / cycles.mean() < 0.15
    assert patient.truth.events == []
    assert cycles.max() < 10


@pytest.mark.holds("F49.3")
def test_the_truth_of_a_breath_is_the_flow_into_the_lung() -> None:
    """Each breath's volume is the integral of the flow from its onset to its end; its peak lies where it is said to."""
    patient = SimulatedPatient(4, 100, **KINDS["mixed"][1])
    _, _, lung = patient.signals(100 * 3600)
    assert len(patient.truth.breaths) > 700
    for breath in patient.truth.breaths:
        onset, end = round(breath.onset_s * 100), round((breath.onset_s + breath.inspiratory_time_s) * 100)
        inspired = lung[onset : end + 1]
        assert inspired.sum() / 100 / 60 * 1000 == pytest.approx(breath.tidal_volume_ml, rel=0.02, abs=1)
        assert onset + inspired.argmax() == round(breath.peak_s * 100)
        assert inspired.max() == pytest.approx(breath.peak_flow_lpm)
        # Over one period of the probe, which may swing either way at that moment.
        assert lung[onset - 24 : onset].sum() / 100 / 60 * 1000 <= 0.05 * breath.tidal_volume_ml


@pytest.mark.holds("F49.3")
def test_the_probe_cuts_no_inspiration_into_pieces() -> None:
    """Between two breaths of the truth the lung rises by less than a breath: 15 % of one, where 10 % would be one."""
    patient = SimulatedPatient(310, 25, **KINDS["mixed"][1] | {"critical_pressure_cmh2o": 5.7})
    _, _, lung = patient.signals(25 * 3600)
    volume_ml = np.cumsum(lung) / 25 / 60 * 1000
    breaths = patient.truth.breaths
    usual_ml = np.median([breath.tidal_volume_ml for breath in breaths])
    for breath, following in itertools.pairwise(breaths):
        end, onset = breath.onset_s + breath.inspiratory_time_s, following.onset_s
        between = volume_ml[round(end * 25) + 1 : round(onset * 25) + 1]
        rises = between - np.minimum.accumulate(between)
        assert rises.max(initial=0) < 0.15 * usual_ml


@pytest.mark.holds("F49.3")
@pytest.mark.parametrize("kind", KINDS)
def test_the_truth_of_an_event_is_what_clinical_rules_call_so(kind: str) -> None:
    """CLINICAL.md on the true flow: in an apnea nothing but what the probe moves, 10 s or longer, none over another."""
    patient = SimulatedPatient(11, **(dict(KINDS[kind][1]) | {"heartbeat_lpm": 0.0}))
    _, _, lung = patient.signals(2 * HOUR)
    usual = patient._scribe._reference_lpm
    for event in patient.truth.events:
        assert event.duration_s >= 10
        inside = lung[round((event.onset_s + 0.1) * 25) : round((event.onset_s + event.duration_s - 0.1) * 25)]
        if event.kind is not EventKind.HYPOPNEA and kind != "periodic":
            # What the probe moves in an open airway is no breath.
            assert smooth(inside).max() < 0.15 * usual
            assert event.reduction > 0.9
        assert 0.3 < event.reduction <= 1
    ends = [(event.onset_s, event.onset_s + event.duration_s) for event in patient.truth.events]
    assert ends == sorted(ends)
    assert all(end <= onset + 1e-9 for (_, end), (onset, _) in itertools.pairwise(ends))


def smooth(flow: np.ndarray) -> np.ndarray:
    """Mean over one period of the probe."""
    return np.convolve(flow, np.ones(6) / 6, "valid")


@pytest.mark.holds("F49.1")
def test_pressure_ends_obstructive_events() -> None:
    rates = [obstructive_per_h(pressure) for pressure in (4, 8, 12)]
    assert rates[0] > 15
    assert rates[0] > rates[1] > rates[2]
    assert rates[2] < 1


@pytest.mark.holds("F49.1")
@pytest.mark.parametrize("seed", range(5))
def test_raising_the_pressure_ends_the_obstructive_apneas_within_a_minute(seed: int) -> None:
    """A technician's command in the middle of the night, as it reaches the device: from 4 to 12 cmH2O."""
    # After a sigh breathing is weak for a while, which no pressure ends: nothing is in its way.
    traits = dict(KINDS["obstructive"][1]) | {"sighs_per_h": 0.0}
    device = SimulatedDevice(SimulatedPatient(seed, **traits))
    device.read(HOUR // 2)
    before = [event for event in device.patient.truth.events if event.kind is EventKind.OBSTRUCTIVE_APNEA]
    assert len(before) >= 10
    device.set_pressure(12)
    device.read(HOUR // 2)
    after = device.patient.truth.events[len(before) :]
    assert not [event for event in after if event.onset_s + event.duration_s > 1800 + 60]
    assert device.patient.truth.breaths[-1].onset_s > 3585


@pytest.mark.holds("F49.2")
@pytest.mark.parametrize("seed", range(3))
def test_pressure_does_not_change_central_apneas(seed: int) -> None:
    counts = []
    for pressure in (4, 12):
        device = SimulatedDevice(SimulatedPatient(seed, **(dict(KINDS["central"][1]) | {"pressure_cmh2o": 4.0})))
        device.set_pressure(pressure)
        device.read(4 * HOUR)
        kinds = [event.kind for event in device.patient.truth.events]
        assert EventKind.OBSTRUCTIVE_APNEA not in kinds
        counts.append(kinds.count(EventKind.CENTRAL_APNEA))
    assert abs(counts[0] - counts[1]) <= 1
    assert counts[0] > 60


@pytest.mark.holds("F49.2")
def test_the_probe_answers_as_on_real_recordings() -> None:
    """data/README.md: flow over pressure of 0.03 to 0.09 L/s per cmH2O where it is closed, 0.12 to 0.20 where open."""
    for kind, low, high in (("obstructive", 0.03, 0.09), ("central", 0.12, 0.20)):
        patient = SimulatedPatient(3, **KINDS[kind][1])
        flow, pressure = patient.samples(HOUR)
        answers = [probe_answer(flow, pressure, event) for event in patient.truth.events if event.duration_s > 12]
        assert len(answers) > 15
        assert low < min(answers) < max(answers) < high


def probe_answer(flow: np.ndarray, pressure: np.ndarray, event: TrueEvent) -> float:
    """|flow| / |pressure| at 4.17 Hz in the last seconds of an event, in L/s per cmH2O."""
    inside = slice(round((event.onset_s + 7) * 25), round((event.onset_s + event.duration_s) * 25))
    window = np.hanning(len(flow[inside]))
    wave = window * np.exp(-2j * np.pi * 4.17 * np.arange(len(window)) / 25)
    f, p = (abs(((x - x.mean()) * wave).sum()) for x in (flow[inside] / 60, pressure[inside]))
    assert p / window.sum() * 2 > 0.3, "the device probes"
    return float(f / p)


@pytest.mark.holds("F49.2")
def test_the_device_probes_in_pauses_only() -> None:
    patient = SimulatedPatient(3, **KINDS["healthy"][1])
    _, pressure = patient.samples(HOUR // 6)
    assert not patient.truth.events
    pieces = pressure.reshape(-1, 100) - pressure.reshape(-1, 100).mean(1)[:, None]
    answer = np.abs(pieces @ (np.hanning(100) * np.exp(-2j * np.pi * 4.17 * np.arange(100) / 25))) / 25
    assert answer.max() < 0.06


@pytest.mark.holds("F49.2")
def test_an_arousal_ends_an_obstructive_apnea_with_large_breaths() -> None:
    patient = SimulatedPatient(6, **KINDS["obstructive"][1])
    patient.samples(HOUR)
    breaths, events = patient.truth.breaths, patient.truth.events
    quiet = np.median([breath.tidal_volume_ml for breath in breaths])
    first = [next(b for b in breaths if b.onset_s >= e.onset_s + e.duration_s - 0.01) for e in events[:-1]]
    assert len(first) > 20
    assert np.median([breath.tidal_volume_ml for breath in first]) > 1.5 * quiet


@pytest.mark.holds("F49.2")
def test_hypopneas_come_from_a_narrowed_airway_and_from_a_weak_drive() -> None:
    patient = SimulatedPatient(1, **KINDS["hypopnea"][1])
    flow, _ = patient.samples(4 * HOUR)
    assert {event.kind for event in patient.truth.events} == {EventKind.HYPOPNEA}
    tops = {cause: [] for cause in ("airway", "drive")}
    for event in patient.truth.events:
        for breath in patient.truth.breaths:
            if event.onset_s + 4 < breath.onset_s < event.onset_s + event.duration_s - 4:
                inspired = flow[round(breath.onset_s * 25) :][: round(breath.inspiratory_time_s * 25)]
                tops[event.cause].append(np.mean(inspired - flow[round(breath.onset_s * 25)]) / breath.peak_flow_lpm)
    assert min(map(len, tops.values())) > 20
    # A limited inspiration is flat at the top, a weak one is a small copy of the usual one.
    assert np.median(tops["airway"]) > np.median(tops["drive"]) + 0.08


def test_a_high_loop_gain_makes_breathing_wax_and_wane() -> None:
    """Khoo 1982: gain times delay decides; the same patient with the usual gain breathes evenly."""
    pauses = []
    for gain in (2.0, 8.0):
        traits = dict(KINDS["periodic"][1]) | {"hypercapnic_response": gain}
        patient = SimulatedPatient(4, **traits)
        patient.samples(HOUR)
        pauses.append(sum(event.kind is EventKind.CENTRAL_APNEA for event in patient.truth.events))
    assert pauses[0] == 0
    assert pauses[1] > 20


@pytest.mark.holds("F49.2")
def test_leaks_come_with_pressure_and_raise_the_flows_mean() -> None:
    episodes = []
    for pressure in (6, 16):
        patient = SimulatedPatient(9, pressure_cmh2o=pressure, leak_episodes_per_h=2, critical_pressure_cmh2o=-5)
        patient.samples(4 * HOUR)
        episodes.append(len(patient.truth.leaks))
    assert episodes[0] < episodes[1]
    patient = SimulatedPatient(9, critical_pressure_cmh2o=-5, pressure_cmh2o=10, first_leak_s=60)
    flow, _ = patient.samples(25 * 240)
    leak = patient.truth.leaks[0]
    inside = flow[round((leak.onset_s + 5) * 25) : round((leak.onset_s + leak.duration_s) * 25)]
    assert inside.mean() - flow[: 25 * 60].mean() == pytest.approx(leak.leak_lpm, rel=0.2)


@pytest.mark.holds("F49.2")
def test_a_leak_goes_with_the_root_of_the_pressure() -> None:
    """Bernoulli: four times the pressure, twice the leak."""
    leaks = []
    for pressure in (5, 20):
        patient = SimulatedPatient(
            1, pressure_cmh2o=pressure, leak_lpm=20, leak_episodes_per_h=0, critical_pressure_cmh2o=-5
        )
        flow, _, lung = patient.signals(HOUR // 6)
        leaks.append(float(np.mean(flow - lung)))
    assert leaks[1] / leaks[0] == pytest.approx(2, rel=0.02)


def test_the_pressure_dips_at_inspiration_and_follows_a_command_in_a_ramp() -> None:
    patient = SimulatedPatient(1, critical_pressure_cmh2o=-5, pressure_cmh2o=8, pressure_noise_cmh2o=0)
    flow, pressure = patient.samples(1500)
    assert pressure.mean() == pytest.approx(8, abs=0.1)
    assert np.corrcoef(flow, pressure)[0, 1] < -0.95
    patient.set_pressure(12)
    _, pressure = patient.samples(25 * 10)
    assert pressure[:10].mean() < 9.5
    assert pressure[5 * 25 :].mean() == pytest.approx(12, abs=0.3)
    assert patient.pressure_cmh2o == 12


def test_a_higher_pressure_inflates_the_lung() -> None:
    """Equation of motion: 8 cmH2O more hold 8 / elastance more in the lung."""
    patient = SimulatedPatient(1, critical_pressure_cmh2o=-5, pressure_cmh2o=4, central_events_per_h=0)
    patient.samples(HOUR // 12)
    before = patient.lung_volume_l
    _, _, lung = patient.signals(1500)
    patient.set_pressure(12)
    _, _, more = patient.signals(1500)
    gained = patient.lung_volume_l - before
    assert (lung.sum() + more.sum()) / 25 / 60 == pytest.approx(gained, abs=0.02)
    assert gained == pytest.approx(8 / 15, abs=0.45)


@pytest.mark.holds("F49.2")
def test_the_sensors_have_noise_steps_and_dropouts() -> None:
    patient = SimulatedPatient(1, dropouts_per_h=60)
    flow, pressure = patient.samples(HOUR)
    missing = np.isnan(flow)
    np.testing.assert_array_equal(missing, np.isnan(pressure))
    assert 30 < (np.diff(missing.astype(int)) == 1).sum() < 100
    steps = flow[~missing] / 0.12
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-3)
    steps = pressure[~missing] / 0.02
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-2)


@pytest.mark.parametrize("rate_hz", [1, 5, 12.5, 200])
def test_it_breathes_at_any_sampling_rate(rate_hz: float) -> None:
    patient = SimulatedPatient(3, rate_hz, critical_pressure_cmh2o=-5)
    flow, pressure = patient.samples(round(600 * rate_hz))
    assert np.isfinite(flow).all()
    assert np.isfinite(pressure).all()
    assert 120 < len(patient.truth.breaths) < 170


def test_what_no_patient_has_is_said() -> None:
    with pytest.raises(ValueError, match="No such traits of a patient: shoe_size"):
        SimulatedPatient(1, shoe_size=43)
    with pytest.raises(ValueError, match="between 1 and 200 Hz: got 500"):
        SimulatedPatient(1, 500)


def test_the_device_counts_samples_and_keeps_to_what_its_blower_can() -> None:
    device = SimulatedDevice(SimulatedPatient(1))
    assert [device.read_until(t).first_sample for t in (0.2, 1.0, 1.0)] == [0, 5, 25]
    assert device.next_sample == 25
    device.set_pressure(12)
    assert device.patient.pressure_cmh2o == 12
    with pytest.raises(ValueError, match="delivers 4 to 25 cmH2O: got 30"):
        device.set_pressure(30)
