"""Migrations: from an empty file and from every earlier version, each step whole or not at all."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlite_utils import Database

from store import PatientRow, Store, StoreTooNew, StoreUnusable
from store import migrations as steps


def applied(data_file: Path) -> list[str]:
    connection = sqlite3.connect(data_file)
    try:
        return [step.name for step in steps.migrations().applied(Database(connection))]
    finally:
        connection.close()


def test_an_empty_file_gets_all_steps_in_order(data_file: Path) -> None:
    Store(data_file).close()
    assert applied(data_file) == list(steps.STEPS) == sorted(steps.STEPS)
    Store(data_file).close()
    assert applied(data_file) == list(steps.STEPS), "a second start changes nothing"


def test_version_1_is_brought_up_to_date_and_keeps_its_data(data_file: Path) -> None:
    data_file.parent.mkdir()
    connection = sqlite3.connect(data_file)
    db = Database(connection)
    steps.migrations().apply(db, stop_before="0002_commands_and_measurements")
    db.execute("INSERT INTO patients (mrn, name, created_at) VALUES (7, 'Ann', 1.0)")
    assert "commands" not in db.table_names()
    connection.close()
    with Store(data_file) as store:
        assert store.patients() == [PatientRow(7, "Ann", None, 1.0)]
        assert store.add_measurement(7, received_at=2.0, apnea_count=1).result(5).mrn == 7
    assert applied(data_file) == list(steps.STEPS)


def test_a_step_that_fails_leaves_neither_tables_nor_record(data_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def halfway(db: Database) -> None:
        db.executescript("CREATE TABLE half (id INTEGER); CREATE TABLE patients (again INTEGER);")

    Store(data_file).close()
    monkeypatch.setitem(steps.STEPS, "0003_halfway", halfway)
    with pytest.raises(StoreUnusable, match="table patients already exists"):
        Store(data_file)
    monkeypatch.delitem(steps.STEPS, "0003_halfway")
    assert applied(data_file) == list(steps.STEPS)
    with Store(data_file) as store:
        assert "half" not in store._db.table_names()


def test_a_file_of_a_later_version_is_refused_untouched(data_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def later(db: Database) -> None:
        db.executescript("CREATE TABLE later (id INTEGER)")

    monkeypatch.setitem(steps.STEPS, "0099_later", later)
    Store(data_file).close()
    monkeypatch.delitem(steps.STEPS, "0099_later")
    with pytest.raises(StoreTooNew, match="has step '0099_later', this version knows steps up to '0004_stays"):
        Store(data_file)
