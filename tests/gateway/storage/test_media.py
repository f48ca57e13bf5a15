"""Files under their digests."""

from pathlib import Path

from gateway.model.ids import digest
from gateway.storage.media import MediaStore


def test_bytes_are_kept_under_their_digest_and_only_once(tmp_path: Path) -> None:
    store = MediaStore(tmp_path / "media")

    name = store.save(b"picture")
    before = store.path(name).stat().st_mtime_ns
    again = store.save(b"picture")

    assert name == again == digest(b"picture")
    assert store.path(name).read_bytes() == b"picture"
    assert store.path(name).stat().st_mtime_ns == before
    assert list((tmp_path / "media" / "incoming").iterdir()) == []


def test_a_name_appears_only_when_the_file_is_whole(tmp_path: Path) -> None:
    store = MediaStore(tmp_path / "media")
    incoming = store.incoming()
    incoming.write_bytes(b"half")
    name = digest(b"whole")

    assert not store.path(name).exists()
    incoming.write_bytes(b"whole")
    assert store.adopt(incoming, name).read_bytes() == b"whole"
    assert not incoming.exists()


def test_start_up_sweeps_what_a_crash_left_half_written(tmp_path: Path) -> None:
    store = MediaStore(tmp_path / "media")
    leftover = store.incoming()
    kept = store.save(b"picture")

    store.sweep()

    assert not leftover.exists()
    assert store.path(kept).exists()
