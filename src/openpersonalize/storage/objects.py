"""The object store: customers' files under `s3://bucket/key`, by default folders of the data directory."""

import errno
import os
import re
import stat
import uuid
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from openpersonalize.errors import JobError
from openpersonalize.storage.durable_files import written_through

BUCKET = re.compile(r"[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]")
UPLOADS = ".uploads"  # no bucket may begin with a dot
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


class InvalidLocationError(JobError):
    """A location that cannot be read or written; the text says what is wrong and the remedy."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"Invalid Data location. {what} {remedy}")


class ChangedObjectError(JobError):
    """An object that is not the one that was listed."""

    def __init__(self, uri: str) -> None:
        super().__init__(f"{uri} changed while it was read. Import it again.")


@dataclass(frozen=True)
class StoredObject:
    """One object as it was listed; `modified` is in epoch seconds.

    `version` is another one for each content: what was listed can be told from what came after it.
    """

    uri: str
    size: int
    modified: float
    version: str = ""


class ObjectStore(Protocol):
    """What every kind of store answers; all raise `JobError` for a location that does not work."""

    def list_objects(self, location: str) -> list[StoredObject]:
        """List the object named or, if the location ends in a slash, all on the first level below it."""

    def open(self, uri: str, version: str = "") -> BinaryIO:
        """Open an object for reading from its start; raise `ChangedObjectError` for another version of it."""

    def write(self, uri: str) -> AbstractContextManager[BinaryIO]:
        """Write an object, which appears whole when the block ends without an error, or not at all."""

    def exists(self, uri: str) -> bool:
        """Tell whether the object exists."""

    def make_bucket(self, bucket: str) -> None:
        """Make a bucket where it is missing; for commands that bring files of their own."""


def split_location(location: str) -> tuple[str, str]:
    """Split `s3://bucket/key` into bucket and key (perhaps empty); refuse all that could leave it."""
    if location.startswith(("http://", "https://")):
        raise InvalidLocationError(
            f"{location!r} is not an S3 location but a web address: files are read from buckets.",
            "Put the file into a bucket, and write s3://bucket/path.",
        )
    if not location.startswith("s3://"):
        raise InvalidLocationError(f"{location!r} is not an S3 location.", "Write it as s3://bucket/path.")
    bucket, _, key = location.removeprefix("s3://").partition("/")
    if not BUCKET.fullmatch(bucket) or ".." in bucket:
        raise InvalidLocationError(
            f"{bucket!r} in {location!r} is not a bucket name.",
            "Bucket names have 3 to 63 lower-case letters, digits, dots and hyphens.",
        )
    segments = key.removesuffix("/").split("/") if key else []
    if "\\" in key or "\0" in key or any(segment in ("", ".", "..") for segment in segments):
        raise InvalidLocationError(
            f"The key of {location!r} holds a backslash, a NUL, '//', '.' or '..'.",
            "Name the object by its plain path inside the bucket.",
        )
    return bucket, key


def in_order(location: str, found: Iterable[StoredObject]) -> list[StoredObject]:
    """The objects of a folder by name. Raises InvalidLocationError where there is none."""
    ordered = sorted(found, key=lambda stored: stored.uri)
    if not ordered:
        raise InvalidLocationError(
            f"{location} holds no objects on its first level.",
            "Subfolders are not read: name the folder that holds the files.",
        )
    return ordered


class LocalObjects:
    """Objects as files: `s3://bucket/key` is `root/bucket/key`. Symbolic links below the root are refused."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def list_objects(self, location: str) -> list[StoredObject]:
        """List the object, or the first level of the folder; a folder without objects is an error."""
        bucket, key = split_location(location)
        if key and not key.endswith("/"):
            return [self._stored(location)]
        with self._folder(location, [bucket, *key.split("/")[:-1]]) as folder:
            entries = list(os.scandir(folder))
            found = [
                _describe(f"s3://{bucket}/{key}{entry.name}", entry.stat(follow_symlinks=False))
                for entry in entries
                if entry.is_file(follow_symlinks=False)
            ]
            links = sorted(entry.name for entry in entries if entry.is_symlink())
        if links:  # leaving it out would import a part without a word
            raise _is_link(location, links[0])
        return in_order(location, found)

    def open(self, uri: str, version: str = "") -> BinaryIO:
        """Open a file for reading; raise `ChangedObjectError` for another version of it."""
        folders, name = self._place(uri)
        with self._folder(uri, folders) as folder, _explained(uri, name):
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise InvalidLocationError(f"{uri} is a folder.", f"Write {uri}/ for all objects in it.")
        if version and version != _version(status):
            os.close(descriptor)
            raise ChangedObjectError(uri)
        return os.fdopen(descriptor, "rb")

    @contextmanager
    def write(self, uri: str) -> Iterator[BinaryIO]:
        """Write to a temporary file beside the buckets, then move it into place; folders appear as needed."""
        folders, name = self._place(uri)
        uploads = self._root / UPLOADS
        uploads.mkdir(parents=True, exist_ok=True)
        temporary = uploads / uuid.uuid4().hex
        try:
            with written_through(temporary) as file:
                yield file
            with self._folder(uri, folders, create=True) as folder:
                with _explained(uri, name):
                    os.rename(temporary, name, dst_dir_fd=folder)
                os.fsync(folder)
        finally:
            temporary.unlink(missing_ok=True)

    def exists(self, uri: str) -> bool:
        """Tell whether a file is there; raise for a location that could never name one."""
        split_location(uri)
        try:
            self._stored(uri)
        except InvalidLocationError:
            return False
        return True

    def make_bucket(self, bucket: str) -> None:
        """Make the bucket's folder where it is missing."""
        location = f"s3://{bucket}/"
        split_location(location)
        with self._folder(location, [bucket], create=True):
            return

    def _place(self, uri: str) -> tuple[list[str], str]:
        bucket, key = split_location(uri)
        if not key or key.endswith("/"):
            raise InvalidLocationError(f"{uri} is a folder.", "Name one object.")
        *folders, name = [bucket, *key.split("/")]
        return folders, name

    def _stored(self, uri: str) -> StoredObject:
        with self.open(uri) as file:
            return _describe(uri, os.fstat(file.fileno()))

    @contextmanager
    def _folder(self, location: str, names: list[str], *, create: bool = False) -> Iterator[int]:
        """Walk from the root, name by name, so that no link can be put in between; yield a descriptor."""
        self._root.mkdir(parents=True, exist_ok=True)
        folder = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for name in names:
                with _explained(location, name):
                    if create:
                        _make_folder(name, folder)
                    below = os.open(name, _FOLDER, dir_fd=folder)
                os.close(folder)
                folder = below
            yield folder
        finally:
            os.close(folder)


def _make_folder(name: str, folder: int) -> None:
    try:
        os.mkdir(name, dir_fd=folder)
    except FileExistsError:
        return


def _describe(uri: str, status: os.stat_result) -> StoredObject:
    return StoredObject(uri, status.st_size, status.st_mtime, _version(status))


def _version(status: os.stat_result) -> str:
    return f"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}"


def _is_link(location: str, name: str) -> InvalidLocationError:
    return InvalidLocationError(f"{name!r} in {location} is a symbolic link.", "Copy the file itself there.")


@contextmanager
def _explained(location: str, name: str) -> Iterator[None]:
    """Raise InvalidLocationError where a step of a path fails by the customer's fault."""
    try:
        yield
    except OSError as error:
        raise _invalid(location, name, error) from error


def _invalid(location: str, name: str, error: OSError) -> InvalidLocationError:
    """Say in the customer's terms why a step of a path failed; let faults of ours propagate as they are."""
    if error.errno == errno.ENOENT:
        return InvalidLocationError(
            f"{location} does not exist ({name!r} is not there).", "Upload the file first."
        )
    if error.errno in (errno.ELOOP, errno.EMLINK):
        return _is_link(location, name)
    if error.errno == errno.ENOTDIR:
        return InvalidLocationError(
            f"{name!r} in {location} is not a folder, or is a symbolic link.", "Check the path."
        )
    if error.errno == errno.EISDIR:
        return InvalidLocationError(f"{location} is a folder.", f"Write {location}/ for all objects in it.")
    if error.errno in (errno.EACCES, errno.EPERM):
        return InvalidLocationError(
            f"{name!r} in {location} may not be read.", "Correct the file's permissions."
        )
    if error.errno == errno.ENAMETOOLONG:
        return InvalidLocationError(f"{name[:40]!r}… in {location[:80]} is too long.", "Use a shorter name.")
    raise error
