"""The tables, as each numbered migration makes them.

A text here never changes once it was released: data files in the world were made by it. Times are epoch seconds where
they end in `_at` or are called `start_time`; seconds since a recording's first sample where they end in `_s`.
"""

from __future__ import annotations

RECORDINGS = """
CREATE TABLE meta (
    key TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
);
CREATE TABLE patients (
    mrn INTEGER PRIMARY KEY CHECK (mrn > 0),
    name TEXT,
    date_of_birth TEXT,
    created_at REAL NOT NULL
);
-- AUTOINCREMENT: the number of a stay that was removed never comes back as another patient's.
CREATE TABLE stays (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    room INTEGER NOT NULL CHECK (room > 0),
    mrn INTEGER REFERENCES patients (mrn),
    started_at REAL NOT NULL,
    ended_at REAL
);
CREATE UNIQUE INDEX one_open_stay_per_room ON stays (room) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX one_open_stay_per_patient ON stays (mrn) WHERE ended_at IS NULL AND mrn IS NOT NULL;
CREATE INDEX stays_of_room ON stays (room, started_at);
CREATE INDEX stays_of_patient ON stays (mrn);
CREATE TABLE recordings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    stream_id TEXT NOT NULL UNIQUE,
    stay_id INTEGER NOT NULL REFERENCES stays (id),
    device TEXT NOT NULL,
    sampling_rate_hz REAL NOT NULL CHECK (sampling_rate_hz > 0),
    channels TEXT NOT NULL,
    start_time REAL NOT NULL,
    next_sample INTEGER NOT NULL DEFAULT 0,
    stored_samples INTEGER NOT NULL DEFAULT 0,
    ended_at REAL
);
CREATE INDEX recordings_of_stay ON recordings (stay_id);
CREATE TABLE segments (
    recording_id INTEGER NOT NULL REFERENCES recordings (id),
    first_sample INTEGER NOT NULL,
    n_samples INTEGER NOT NULL CHECK (n_samples > 0),
    received_at REAL NOT NULL,
    flow BLOB NOT NULL,
    pressure BLOB,
    PRIMARY KEY (recording_id, first_sample)
);
CREATE TABLE breaths (
    recording_id INTEGER NOT NULL REFERENCES recordings (id),
    breath_index INTEGER NOT NULL,
    onset_s REAL NOT NULL,
    peak_s REAL NOT NULL,
    inspiratory_time_s REAL NOT NULL,
    expiratory_time_s REAL NOT NULL,
    tidal_volume_ml REAL NOT NULL,
    peak_flow_lpm REAL NOT NULL,
    PRIMARY KEY (recording_id, breath_index)
) WITHOUT ROWID;
CREATE TABLE events (
    recording_id INTEGER NOT NULL REFERENCES recordings (id),
    id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    onset_s REAL NOT NULL,
    detected_at_s REAL NOT NULL,
    duration_s REAL,
    PRIMARY KEY (recording_id, id)
) WITHOUT ROWID;
"""

COMMANDS_AND_MEASUREMENTS = """
CREATE TABLE commands (
    command_id TEXT PRIMARY KEY NOT NULL,
    stay_id INTEGER NOT NULL REFERENCES stays (id),
    room INTEGER NOT NULL,
    pressure_cmh2o INTEGER NOT NULL,
    previous_cmh2o INTEGER,
    commanded_by TEXT NOT NULL,
    reason TEXT,
    state TEXT NOT NULL,
    commanded_at REAL NOT NULL,
    delivered_at REAL,
    applied_at REAL,
    refused_at REAL,
    refusal TEXT
);
CREATE INDEX commands_of_stay ON commands (stay_id, commanded_at);
CREATE TABLE measurements (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    mrn INTEGER NOT NULL REFERENCES patients (mrn),
    stay_id INTEGER REFERENCES stays (id),
    pressure_cmh2o INTEGER,
    respiratory_rate_per_min REAL,
    apnea_count INTEGER CHECK (apnea_count >= 0),
    received_at REAL NOT NULL,
    flow_image BLOB
);
CREATE INDEX measurements_of_patient ON measurements (mrn, received_at);
"""

RETENTION = """
-- Samples before kept_from and breaths numbered below trimmed_breaths went by the retention; a stay's counts need to
-- know how many there were.
ALTER TABLE recordings ADD COLUMN kept_from INTEGER NOT NULL DEFAULT 0;
ALTER TABLE recordings ADD COLUMN trimmed_samples INTEGER NOT NULL DEFAULT 0;
ALTER TABLE recordings ADD COLUMN trimmed_breaths INTEGER NOT NULL DEFAULT 0;
"""

STAYS = """
-- One stream of a device has a recording in each stay that it ran through: a patient may leave while it runs.
CREATE TABLE new_recordings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    stream_id TEXT NOT NULL,
    stay_id INTEGER NOT NULL REFERENCES stays (id),
    device TEXT NOT NULL,
    sampling_rate_hz REAL NOT NULL CHECK (sampling_rate_hz > 0),
    channels TEXT NOT NULL,
    start_time REAL NOT NULL,
    first_sample INTEGER NOT NULL DEFAULT 0,
    next_sample INTEGER NOT NULL DEFAULT 0,
    stored_samples INTEGER NOT NULL DEFAULT 0,
    ended_at REAL,
    kept_from INTEGER NOT NULL DEFAULT 0,
    trimmed_samples INTEGER NOT NULL DEFAULT 0,
    trimmed_breaths INTEGER NOT NULL DEFAULT 0,
    UNIQUE (stream_id, stay_id)
);
INSERT INTO new_recordings
    SELECT id, stream_id, stay_id, device, sampling_rate_hz, channels, start_time, 0, next_sample, stored_samples,
        ended_at, kept_from, trimmed_samples, trimmed_breaths
    FROM recordings;
DROP TABLE recordings;
ALTER TABLE new_recordings RENAME TO recordings;
CREATE INDEX recordings_of_stay ON recordings (stay_id);
CREATE INDEX measurements_of_stay ON measurements (stay_id);
CREATE TABLE marks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    mark_id TEXT NOT NULL UNIQUE,
    stay_id INTEGER NOT NULL REFERENCES stays (id),
    recording_id INTEGER REFERENCES recordings (id),
    onset_s REAL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made_at REAL NOT NULL
);
CREATE INDEX marks_of_stay ON marks (stay_id);
CREATE INDEX marks_of_recording ON marks (recording_id) WHERE recording_id IS NOT NULL;
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    by TEXT NOT NULL,
    action TEXT NOT NULL,
    room INTEGER,
    mrn INTEGER,
    stay_id INTEGER,
    before TEXT,
    after TEXT,
    reason TEXT
);
CREATE INDEX audit_of_patient ON audit (mrn);
CREATE TRIGGER audit_stands BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail cannot be changed'); END;
CREATE TRIGGER audit_stays BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail cannot be changed'); END;
"""
