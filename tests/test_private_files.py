"""Files for their owner alone: nobody can have made them first, and nobody can exchange them."""

import os
import stat
from pathlib import Path

import pytest

from keyturn.private_files import append_private, check_directory, make_new, private_folder, publish, write_private

NOBODY = 65534


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def open_to_all(tmp_path: Path) -> Path:
    directory = tmp_path / "open"
    directory.mkdir()
    directory.chmod(0o777)
    return directory


def test_a_new_file_is_for_its_owner_alone_whatever_the_umask_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_private(tmp_path / "new", b"content")
    finally:
        os.umask(before)

    assert (mode(tmp_path / "new"), (tmp_path / "new").read_bytes()) == (0o600, b"content")
    assert names(tmp_path) == ["new"]


def test_a_name_that_is_taken_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")

    for name in ("old", "link"):
        with pytest.raises(FileExistsError):
            write_private(tmp_path / name, b"new")

    assert (tmp_path / "old").read_bytes() == b"old"
    assert not (tmp_path / "elsewhere").exists()
    assert names(tmp_path) == ["link", "old"]


def test_a_file_that_is_replaced_is_private_afterwards_and_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"old")
    (tmp_path / "old").chmod(0o644)
    (tmp_path / "link").symlink_to(tmp_path / "old")

    write_private(tmp_path / "old", b"new", replace=True)
    with pytest.raises(OSError, match="link"):
        write_private(tmp_path / "link", b"newer", replace=True)

    assert (mode(tmp_path / "old"), (tmp_path / "old").read_bytes()) == (0o600, b"new")


@pytest.mark.parametrize("bits", [0o777, 0o757, 0o772])
def test_a_directory_that_others_may_write_is_refused(tmp_path: Path, bits: int) -> None:
    directory = tmp_path / "open"
    directory.mkdir()
    directory.chmod(bits)

    with pytest.raises(OSError, match="others may write") as refused:
        write_private(directory / "new", b"content")

    assert refused.value.filename == str(directory)
    assert names(directory) == []


def test_a_directory_that_a_group_of_several_may_write_is_refused(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root gives a directory to another group")
    directory = tmp_path / "shared"
    directory.mkdir()
    os.chown(directory, -1, 9)
    directory.chmod(0o775)

    with pytest.raises(OSError, match="others may write"):
        check_directory(directory)


def test_a_sticky_directory_will_do(open_to_all: Path) -> None:
    open_to_all.chmod(0o1777)
    write_private(open_to_all / "new", b"content")
    assert mode(open_to_all / "new") == 0o600


def test_a_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root makes a directory somebody else's")
    directory = tmp_path / "theirs"
    directory.mkdir()
    os.chown(directory, NOBODY, -1)

    with pytest.raises(OSError, match="belongs to another user"):
        write_private(directory / "new", b"content")


def test_a_draft_that_is_not_ours_alone_gets_no_name(tmp_path: Path) -> None:
    with private_folder(tmp_path) as folder:
        assert mode(folder) == 0o700
        make_new(folder / "draft")
        (folder / "draft").chmod(0o644)
        with pytest.raises(OSError, match="owner alone"):
            publish(folder / "draft", tmp_path / "new")

    assert names(tmp_path) == []


def test_lines_are_appended_only_to_a_file_of_this_user_that_is_no_link(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    append_private(file, b"1\n")
    append_private(file, b"2\n")
    assert (file.read_bytes(), mode(file)) == (b"1\n2\n", 0o600)

    (tmp_path / "link").symlink_to(file)
    with pytest.raises(OSError, match="links"):
        append_private(tmp_path / "link", b"3\n")
    file.chmod(0o666)
    with pytest.raises(OSError, match="this user alone"):
        append_private(file, b"3\n")
    assert file.read_bytes() == b"1\n2\n"


def test_no_line_is_appended_where_another_user_could_have_put_the_file(open_to_all: Path) -> None:
    with pytest.raises(OSError, match="others may write"):
        append_private(open_to_all / "kept", b"1\n")
    assert names(open_to_all) == []
