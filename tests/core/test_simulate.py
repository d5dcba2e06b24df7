"""The simulated patient (F49): believable, seeded, the same however it is cut, and answering to pressure."""

from __future__ import annotations

import time

import numpy as np
import pytest

from cpap_core.simulate import SimulatedDevice, SimulatedPatient
from cpap_core.types import EventKind

HOUR = 25 * 3600
OBSTRUCTIVE = {EventKind.OBSTRUCTIVE_APNEA, EventKind.HYPOPNEA}


def obstructive_per_h(pressure_cmh2o: float, seed: int = 3, hours: int = 4) -> float:
    patient = SimulatedPatient(seed, critical_pressure_cmh2o=8, pressure_cmh2o=pressure_cmh2o)
    patient.samples(hours * HOUR)
    return sum(event.kind in OBSTRUCTIVE for event in patient.truth.events) / hours


@pytest.mark.parametrize("chunk", [1, 7, 25, 1000])
def test_any_chunking_gives_the_same_samples(chunk: int) -> None:
    """STYLE.md: results do not depend on chunk size; here also across a change of pressure."""
    traits = {"first_event_s": 20, "critical_pressure_cmh2o": 11, "first_leak_s": 30}
    whole, cut = (SimulatedPatient(5, **traits) for _ in range(2))

    def breathe(patient: SimulatedPatient, n: int) -> np.ndarray:
        before = [patient.samples(min(n, 2000 - first)) for first in range(0, 2000, n)]
        patient.set_pressure(12)
        return np.concatenate(before + [patient.samples(min(n, 2000 - first)) for first in range(0, 2000, n)], axis=1)

    expected, got = breathe(whole, 2000), breathe(cut, chunk)
    np.testing.assert_array_equal(got, expected)
    assert got.dtype == np.float32
    assert cut.truth == whole.truth


def test_a_seed_is_one_patient_and_another_is_another() -> None:
    first, again, other = (SimulatedPatient(seed).samples(500)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_quiet_breathing_has_the_rate_volume_and_variation_asked_for() -> None:
    patient = SimulatedPatient(
        2, critical_pressure_cmh2o=0, central_events_per_h=0, respiratory_rate_per_min=15, tidal_volume_ml=500
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


def test_truth_lies_on_the_signal() -> None:
    """Each breath's volume is the integral of its inspiratory flow, its peak lies where it is said to lie."""
    patient = SimulatedPatient(4, critical_pressure_cmh2o=0, leak_lpm=0, flow_noise_lpm=0, heartbeat_lpm=0)
    flow, _ = patient.samples(HOUR // 6)
    for breath in patient.truth.breaths:
        onset, n_in = round(breath.onset_s * 25), round(breath.inspiratory_time_s * 25)
        inspired = flow[onset : onset + n_in]
        assert inspired.sum() / 25 / 60 * 1000 == pytest.approx(breath.tidal_volume_ml, rel=1e-3)
        assert onset + inspired.argmax() == round(breath.peak_s * 25)
        assert inspired.max() == pytest.approx(breath.peak_flow_lpm, rel=1e-3)


def test_in_an_obstructive_apnea_flow_is_nearly_zero_and_the_device_probes() -> None:
    patient = SimulatedPatient(6, critical_pressure_cmh2o=12, first_event_s=20, leak_lpm=0)
    flow, pressure = patient.samples(25 * 120)
    event = patient.truth.events[0]
    assert event.kind is EventKind.OBSTRUCTIVE_APNEA
    assert event.duration_s > 10
    inside = slice(round((event.onset_s + 6) * 25), round((event.onset_s + event.duration_s) * 25))
    assert np.abs(flow[inside]).max() < 0.1 * np.abs(flow[: 25 * 15]).max()
    spectrum = np.abs(np.fft.rfft(pressure[inside] - pressure[inside].mean()))
    assert np.fft.rfftfreq(len(pressure[inside]), 1 / 25)[spectrum.argmax()] == pytest.approx(4.17, abs=0.2)
    after = next(b for b in patient.truth.breaths if b.onset_s >= event.onset_s + event.duration_s)
    assert after.tidal_volume_ml > 1.3 * patient.truth.breaths[0].tidal_volume_ml


def test_pressure_ends_obstructive_events() -> None:
    rates = [obstructive_per_h(pressure) for pressure in (5, 8, 12)]
    assert rates[0] > 15
    assert rates[0] > rates[1] > rates[2]
    assert rates[2] < 2


def test_raising_the_pressure_opens_the_airway_within_a_minute() -> None:
    patient = SimulatedPatient(7, critical_pressure_cmh2o=9, pressure_cmh2o=6, first_event_s=20, typical_event_s=40)
    patient.samples(25 * 25)
    patient.set_pressure(12)
    patient.samples(25 * 600)
    events = patient.truth.events
    assert events[0].onset_s < 25
    assert events[0].duration_s < 15
    assert not [event for event in events[1:] if event.kind is EventKind.OBSTRUCTIVE_APNEA]


def test_pressure_does_not_change_central_apneas() -> None:
    counts = []
    for pressure in (6, 14):
        patient = SimulatedPatient(8, critical_pressure_cmh2o=0, central_events_per_h=20, pressure_cmh2o=pressure)
        patient.samples(4 * HOUR)
        assert {event.kind for event in patient.truth.events} == {EventKind.CENTRAL_APNEA}
        counts.append(len(patient.truth.events))
    assert counts[0] == counts[1] > 30


def test_leaks_come_with_pressure_and_raise_the_flows_mean() -> None:
    episodes = []
    for pressure in (6, 16):
        patient = SimulatedPatient(9, critical_pressure_cmh2o=0, pressure_cmh2o=pressure, leak_episodes_per_h=2)
        patient.samples(4 * HOUR)
        episodes.append(len(patient.truth.leaks))
    assert episodes[0] < episodes[1]
    patient = SimulatedPatient(9, critical_pressure_cmh2o=0, pressure_cmh2o=10, first_leak_s=60)
    flow, _ = patient.samples(25 * 240)
    leak = patient.truth.leaks[0]
    inside = flow[round((leak.onset_s + 5) * 25) : round((leak.onset_s + leak.duration_s) * 25)]
    assert inside.mean() - flow[: 25 * 60].mean() == pytest.approx(leak.leak_lpm, rel=0.2)


def test_the_pressure_dips_at_inspiration_and_follows_a_command_in_a_ramp() -> None:
    patient = SimulatedPatient(1, critical_pressure_cmh2o=0, pressure_cmh2o=8, pressure_noise_cmh2o=0)
    flow, pressure = patient.samples(1500)
    assert pressure.mean() == pytest.approx(8, abs=0.1)
    assert np.corrcoef(flow, pressure)[0, 1] < -0.95
    patient.set_pressure(12)
    _, pressure = patient.samples(25 * 10)
    assert pressure[:10].mean() < 9.5
    assert pressure[5 * 25 :].mean() == pytest.approx(12, abs=0.3)
    assert patient.pressure_cmh2o == 12


def test_sixteen_patients_take_under_5_percent_of_a_core() -> None:
    ward = [SimulatedPatient(seed) for seed in range(16)]
    before = time.process_time()
    for _ in range(5 * 60):
        for patient in ward:
            patient.samples(5)
    assert (time.process_time() - before) / 60 < 0.05


@pytest.mark.parametrize("rate_hz", [1, 5, 12.5, 200])
def test_it_breathes_at_any_sampling_rate(rate_hz: float) -> None:
    patient = SimulatedPatient(3, rate_hz, critical_pressure_cmh2o=0)
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
