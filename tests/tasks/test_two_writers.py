"""Several processes write to one SQLite library at once, and nobody is told that it is locked."""

from __future__ import annotations

import json

from tests.stack import Stack

FILES = 40


def test_processes_that_take_in_and_sync_at_once_wait_for_each_other(real_worker: Stack) -> None:
    writers = [real_worker.start("-m", "tests.writer_process", str(FILES)) for _ in range(3)]

    assert [writer.wait(60) for writer in writers] == [0, 0, 0], real_worker.logs()

    assert real_worker.logs().strip() == ""
    assert real_worker.rows("SELECT count(*), count(DISTINCT content_id) FROM webapp_media") == [
        (FILES, FILES)
    ]
    assert real_worker.rows("SELECT status, count(*) FROM webapp_content GROUP BY status") == [
        ("ready", FILES)
    ]
    report = json.loads(real_worker.manage("check_index", "--json"))
    assert (report["rows"], report["missing"], report["extra"]) == (FILES, 0, 0)
