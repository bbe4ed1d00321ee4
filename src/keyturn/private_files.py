"""Creates private files (mode 0600) safely and atomically.

A file is written in a new private directory beside its target, and renamed once it is complete and durable. So no other
user can create it first, replace it by a link, or write to it meanwhile.
"""

import errno
import grp
import os
import pwd
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PRIVATE = 0o600
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
"""Errors of a file system without hard links."""


@contextmanager
def private_folder(parent: Path) -> Iterator[Path]:
    """A new private directory in `parent`; deleted afterwards with its content. Raises OSError."""
    check_directory(parent)
    folder = parent / f".keyturn-{secrets.token_hex(8)}"
    folder.mkdir(mode=0o700)
    try:
        made = folder.lstat()
        if made.st_uid != os.geteuid() or made.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise _refusal(parent, "its file system lets others into what is made in it")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_new(path: Path, content: bytes = b"") -> None:
    """Create the file with mode 0600. Raises OSError; FileExistsError if the name is taken."""
    with os.fdopen(os.open(path, _NEW, PRIVATE), "wb") as file:
        file.write(content)


def publish(draft: Path, target: Path, *, replace: bool = False) -> None:
    """Rename a draft to `target`, durably. Raises OSError; FileExistsError if the name is taken."""
    handle = os.open(draft, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _check_private(os.fstat(handle), draft)
        os.fsync(handle)
    finally:
        os.close(handle)
    if replace:
        _check_replaceable(target)
        draft.replace(target)
    else:
        _take_name(draft, target)
    sync_directory(target.parent)


def write_private(target: Path, content: bytes, *, replace: bool = False) -> None:
    """Write a file atomically and durably; `replace`: a regular file may exist already. Raises OSError."""
    with private_folder(target.parent) as folder:
        make_new(folder / "draft", content)
        publish(folder / "draft", target, replace=replace)


def append_private(path: Path, content: bytes) -> None:
    """Append durably to a file that only this user may write; created if missing. Raises OSError."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        check_directory(path.parent)
        handle = os.open(path, _NEW | os.O_APPEND, PRIVATE)
        sync_directory(path.parent)
    with os.fdopen(handle, "ab") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & _OTHERS_WRITE:
            raise _refusal(path, "it is no file that this user alone may write")
        file.write(content)
        file.flush()
        os.fsync(handle)


def check_directory(directory: Path) -> None:
    """Raises OSError if another user could delete or replace files in the directory."""
    found = directory.stat()
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(directory))
    if found.st_uid not in (0, os.geteuid()):
        raise _refusal(directory, "the directory belongs to another user")
    if found.st_mode & stat.S_ISVTX or not found.st_mode & _OTHERS_WRITE:
        return
    if found.st_mode & stat.S_IWOTH or not _is_own_group(found.st_gid):
        raise _refusal(directory, f"others may write this directory; choose another, or run: chmod go-w {directory}")


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable (fsync). Raises OSError."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _take_name(draft: Path, target: Path) -> None:
    try:
        os.link(draft, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        draft.rename(target)
    else:
        draft.unlink()


def _check_private(found: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) != PRIVATE:
        raise _refusal(path, "it is not for its owner alone")


def _check_replaceable(target: Path) -> None:
    """Raises OSError for a link, a device or a directory."""
    if os.path.lexists(target) and not stat.S_ISREG(target.lstat().st_mode):
        raise _refusal(target, "it is a link or no ordinary file")


def _is_own_group(gid: int) -> bool:
    """Whether the group is the user's private group: same name, no other members."""
    try:
        user = pwd.getpwuid(os.geteuid())
        group = grp.getgrgid(gid)
    except KeyError:
        return False
    return group.gr_gid == user.pw_gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}


def _refusal(path: Path, why: str) -> OSError:
    return PermissionError(errno.EPERM, why, str(path))
