"""The store of one ward: what a device got an acknowledgement for is on disk."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from cpap_core.types import Breath, OpenEvent, RespiratoryEvent
from store import operations, retention, segments, stays
from store.errors import StoreUnusable
from store.lock import DataFileLock
from store.opening import identity, open_for_writing
from store.reader import Reader
from store.rows import CommandRow, CommandState, MarkKind, MarkRow, MeasurementRow, PatientRow, RecordingRow, StayRow
from store.writer import Health, Writer

MAX_QUEUED_BYTES = 64 * 1024 * 1024
MAX_QUEUED_ITEMS = 100_000
GATHER_S = 0.05
CLOSE_TIMEOUT_S = 10.0


class Store(Reader):
    """Patients, stays, recordings, samples, events and commands in one SQLite file.

    Every write is queued for one thread and gives a future that is resolved once the write is on disk; futures never
    wait for each other in a callback, since callbacks run in that thread. Writes are done in the order they were asked
    for. Reads (see `Reader`) go straight to disk from any thread.

    Parameters
    ----------
    path : path
        The data file; it and its folder are made where they do not exist, for this user's eyes only.
    max_queued_bytes, max_queued_items : int
        Bounds of the queue; beyond them a write raises `StoreBehind`.
    gather_s : float
        How long a write may wait for others to share its commit, in s.

    Raises
    ------
    StoreLocked, StoreTooNew, StoreUnusable
    """

    def __init__(
        self,
        path: Path | str,
        *,
        max_queued_bytes: int = MAX_QUEUED_BYTES,
        max_queued_items: int = MAX_QUEUED_ITEMS,
        gather_s: float = GATHER_S,
    ) -> None:
        super().__init__(Path(path).resolve())
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = DataFileLock(self._path)
        except OSError as error:
            raise StoreUnusable(f"The data file {self._path} cannot be made: {error.strerror}") from error
        try:
            self._db = open_for_writing(self._path)
            self._identity = identity(self._path)
        except BaseException:
            self._lock.release()
            raise
        self._writer = Writer(
            self._db,
            verify=self._verify,
            max_bytes=max_queued_bytes,
            max_items=max_queued_items,
            gather_s=gather_s,
        )

    @property
    def path(self) -> Path:
        """The data file."""
        return self._path

    def health(self) -> Health:
        """Give the writer's state; `ok` is false while writes fail or hang."""
        return self._writer.health()

    def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> bool:
        """Write what is queued, and close; False when some of it did not come to disk in time (its futures fail)."""
        drained = self._writer.close(timeout_s)
        self._close_connections()
        if self._writer.stopped:
            self._db.close()
            self._lock.release()
        return drained

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def upsert_patient(
        self, mrn: int, name: str | None = None, date_of_birth: date | None = None
    ) -> Future[PatientRow]:
        """Create a patient or update what is given; None leaves what is stored."""
        return self._writer.submit(
            partial(operations.upsert_patient, mrn=mrn, name=name, date_of_birth=date_of_birth, now=time.time())
        )

    def begin_stay(self, room: int, mrn: int | None, started_at: float) -> Future[StayRow]:
        """Begin a stay; without an MRN it is unidentified. Fails with `StoreConflict` or `MrnAssigned` (F5)."""
        return self._writer.submit(partial(stays.begin_stay, room=room, mrn=mrn, started_at=started_at))

    def identify_stay(self, stay_id: int, mrn: int) -> Future[StayRow]:
        """Give an unidentified stay its patient. Fails with `StoreConflict` or `MrnAssigned` (F5)."""
        return self._writer.submit(partial(stays.identify_stay, stay_id=stay_id, mrn=mrn))

    def end_stay(self, stay_id: int, ended_at: float) -> Future[StayRow]:
        """End a stay."""
        return self._writer.submit(partial(stays.end_stay, stay_id=stay_id, ended_at=ended_at))

    def admit(
        self,
        room: int,
        mrn: int,
        *,
        at: float,
        by: str,
        name: str | None = None,
        date_of_birth: date | None = None,
        replaces: int | None = None,
    ) -> Future[StayRow]:
        """Put a patient in a room (F50). Fails with `StoreConflict` or `MrnAssigned` (F5), and then changes nothing."""
        born = date_of_birth
        return self._writer.submit(
            partial(stays.admit, room=room, mrn=mrn, name=name, date_of_birth=born, at=at, by=by, replaces=replaces)
        )

    def transfer(self, stay_id: int, room: int, *, at: float, by: str) -> Future[StayRow]:
        """Move a patient to another room. Fails with `StoreConflict`."""
        return self._writer.submit(partial(stays.transfer, stay_id=stay_id, room=room, at=at, by=by))

    def discharge(self, stay_id: int, *, at: float, by: str) -> Future[StayRow]:
        """End a stay, with a line in the audit trail. Fails with `StoreConflict`."""
        return self._writer.submit(partial(stays.discharge, stay_id=stay_id, at=at, by=by))

    def correct(
        self,
        stay_id: int,
        *,
        at: float,
        by: str,
        mrn: int | None = None,
        name: str | None = None,
        date_of_birth: date | None = None,
    ) -> Future[StayRow]:
        """Put MRN, name or date of birth of a stay's patient right. Fails with `StoreConflict` or `MrnAssigned`."""
        born = date_of_birth
        return self._writer.submit(
            partial(stays.correct, stay_id=stay_id, mrn=mrn, name=name, date_of_birth=born, at=at, by=by)
        )

    def add_mark(
        self,
        mark_id: str,
        *,
        stay_id: int,
        recording_id: int | None,
        onset_s: float | None,
        kind: MarkKind,
        text: str,
        by: str,
        at: float,
    ) -> Future[MarkRow]:
        """Store a mark (F51); the same mark_id again gives what is stored."""
        mark = partial(stays.add_mark, mark_id=mark_id, stay_id=stay_id, kind=kind, text=text, by=by, at=at)
        return self._writer.submit(partial(mark, recording_id=recording_id, onset_s=onset_s))

    def begin_recording(
        self,
        stay_id: int,
        stream_id: str,
        device: str,
        sampling_rate_hz: float,
        channels: Sequence[Mapping[str, str]],
        start_time: float,
        first_sample: int = 0,
    ) -> Future[RecordingRow]:
        """Begin a recording or go on with this stream's; fails with `StoreConflict` where the stream was another.

        A stream that goes on in another stay begins there at its next sample, and not before `first_sample`.
        """
        return self._writer.submit(
            partial(
                operations.begin_recording,
                stay_id=stay_id,
                stream_id=stream_id,
                device=device,
                sampling_rate_hz=sampling_rate_hz,
                channels=[dict(channel) for channel in channels],
                start_time=start_time,
                first_sample=first_sample,
            )
        )

    def end_recording(self, recording_id: int, ended_at: float) -> Future[RecordingRow]:
        """Mark a recording as ended by its device."""
        return self._writer.submit(partial(operations.end_recording, recording_id=recording_id, ended_at=ended_at))

    def append_samples(
        self,
        recording_id: int,
        first_sample: int,
        flow_lpm: ArrayLike,
        airway_pressure_cmh2o: ArrayLike | None,
        received_at: float,
    ) -> Future[int]:
        """Store samples, arrays of shape (n_samples,), and give the recording's next sample as it is on disk.

        What is stored already is left out; an index beyond the next sample leaves a hole.
        """
        flow = np.array(flow_lpm, dtype="<f4")
        pressure = None if airway_pressure_cmh2o is None else np.array(airway_pressure_cmh2o, dtype="<f4")
        if flow.ndim != 1 or (pressure is not None and pressure.shape != flow.shape):
            shapes = f"{flow.shape} and {None if pressure is None else pressure.shape}"
            raise ValueError(f"Flow and pressure must be two arrays of one length, got shapes {shapes}")
        if first_sample < 0:
            raise ValueError(f"The first sample's index must be 0 or more, got {first_sample}")
        append = partial(
            segments.append,
            recording_id=recording_id,
            first_sample=int(first_sample),
            flow=flow,
            pressure=pressure,
            received_at=received_at,
        )
        return self._writer.submit(append, flow.nbytes + (0 if pressure is None else pressure.nbytes))

    def put_breaths(self, recording_id: int, first_index: int, breaths: Sequence[Breath]) -> Future[int]:
        """Store breaths under sequence numbers from `first_index`, replacing those; gives the number after the last."""
        put = partial(
            operations.put_breaths, recording_id=recording_id, first_index=first_index, breaths=tuple(breaths)
        )
        return self._writer.submit(put, 100 * len(breaths))

    def put_event(self, recording_id: int, event: OpenEvent | RespiratoryEvent) -> Future[None]:
        """Store an event, open or closed, replacing what was stored of the same id."""
        return self._writer.submit(partial(operations.put_event, recording_id=recording_id, event=event))

    def trim(self, recording_id: int, received_before: float) -> Future[retention.Trimmed]:
        """Remove some of a recording's oldest samples that were received before, and their breaths."""
        trim = partial(retention.trim, recording_id=recording_id, received_before=received_before)
        return self._writer.submit(trim)

    def release(self) -> Future[int]:
        """Give some free pages back to the file system; gives how many remain free."""
        return self._writer.submit(retention.release)

    def add_command(
        self,
        command_id: str,
        *,
        stay_id: int,
        room: int,
        pressure_cmh2o: int,
        previous_cmh2o: int | None,
        commanded_by: str,
        commanded_at: float,
        reason: str | None = None,
    ) -> Future[CommandRow]:
        """Store a commanded pressure; the same command again gives the stored one."""
        return self._writer.submit(
            partial(
                operations.add_command,
                command_id=command_id,
                stay_id=stay_id,
                room=room,
                pressure_cmh2o=pressure_cmh2o,
                previous_cmh2o=previous_cmh2o,
                commanded_by=commanded_by,
                reason=reason,
                commanded_at=commanded_at,
            )
        )

    def update_command(
        self, command_id: str, state: CommandState, at: float, refusal: str | None = None
    ) -> Future[CommandRow]:
        """Note that a command was delivered, applied or refused; the last two are final."""
        return self._writer.submit(
            partial(operations.update_command, command_id=command_id, state=state, at=at, refusal=refusal)
        )

    def add_measurement(
        self,
        mrn: int,
        *,
        received_at: float,
        stay_id: int | None = None,
        pressure_cmh2o: int | None = None,
        respiratory_rate_per_min: float | None = None,
        apnea_count: int | None = None,
        flow_image: bytes | None = None,
    ) -> Future[MeasurementRow]:
        """Append a measurement to a patient's."""
        add = partial(
            operations.add_measurement,
            mrn=mrn,
            stay_id=stay_id,
            pressure_cmh2o=pressure_cmh2o,
            respiratory_rate_per_min=respiratory_rate_per_min,
            apnea_count=apnea_count,
            flow_image=flow_image,
            received_at=received_at,
        )
        return self._writer.submit(add, len(flow_image or b""))

    def settled(self) -> Future[None]:
        """Write nothing: what was queued before is on disk once this is done."""
        return self._writer.submit(lambda _db: None)

    def set_meta(self, key: str, value: str) -> Future[None]:
        """Store a word about the whole data file."""
        return self._writer.submit(partial(operations.set_meta, key=key, value=value))

    def _verify(self) -> None:
        try:
            same = identity(self._path) == self._identity
        except FileNotFoundError:
            same = False
        if not same:
            raise StoreUnusable(f"The data file {self._path} was removed or replaced: restart the server")
