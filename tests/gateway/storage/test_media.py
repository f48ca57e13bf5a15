"""Files under their digests."""

import os
from pathlib import Path

import pytest

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


def test_the_name_of_a_films_folder_is_on_the_disk_before_the_film_counts_as_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    fsync = os.fsync

    def noted(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink())
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    folder = tmp_path / "media"
    store = MediaStore(folder)
    film = store.path(store.save(b"film"))
    assert synced[1:] == [film.parent, folder]

    # Once is enough, but a process cannot know what the one before it came to.
    MediaStore(folder).adopt(film, film.name)
    store.adopt(film, film.name)
    assert synced[3:] == [film.parent, folder, film.parent]
