"""Files that are for their owner alone (mode 0600): made in one way, wherever one is written.

A file is written in a new directory that nobody else can enter, beside its place, and gets its name when it is whole
and durable. So nobody can have made it first, put a link in its place, or write to it meanwhile.
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
"""What a file system says that knows no hard links."""


@contextmanager
def private_folder(parent: Path) -> Iterator[Path]:
    """A new directory in `parent` that nobody else can enter; gone afterwards, with all in it. Raises OSError."""
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
    """Make the file, which nobody else may read or write. Raises OSError; FileExistsError where the name is taken."""
    with os.fdopen(os.open(path, _NEW, PRIVATE), "wb") as file:
        file.write(content)


def publish(draft: Path, target: Path, *, replace: bool = False) -> None:
    """Give a draft its name, durably. Raises OSError; FileExistsError where the name is taken."""
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
    """Write a whole file, durably; `replace`: an ordinary file may be there already. Raises OSError."""
    with private_folder(target.parent) as folder:
        make_new(folder / "draft", content)
        publish(folder / "draft", target, replace=replace)


def append_private(path: Path, content: bytes) -> None:
    """Append to a file of ours, durably; it is made if it is missing. Raises OSError."""
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
    """Raises OSError where somebody else could take away or exchange what is made in it."""
    found = directory.stat()
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(directory))
    if found.st_uid not in (0, os.geteuid()):
        raise _refusal(directory, "the directory belongs to somebody else")
    if found.st_mode & stat.S_ISVTX or not found.st_mode & _OTHERS_WRITE:
        return
    if found.st_mode & stat.S_IWOTH or not _is_own_group(found.st_gid):
        raise _refusal(directory, f"others may write this directory; choose another, or run: chmod go-w {directory}")


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable. Raises OSError."""
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
    """A link, a device or a directory is not what anybody wants replaced."""
    if os.path.lexists(target) and not stat.S_ISREG(target.lstat().st_mode):
        raise _refusal(target, "it is a link or no ordinary file")


def _is_own_group(gid: int) -> bool:
    """The group that a system gives each user for their own files (same name, nobody else in it)."""
    try:
        user = pwd.getpwuid(os.geteuid())
        group = grp.getgrgid(gid)
    except KeyError:
        return False
    return group.gr_gid == user.pw_gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}


def _refusal(path: Path, why: str) -> OSError:
    return PermissionError(errno.EPERM, why, str(path))
