"""Ids of requests."""

import os
import uuid

from openpersonalize.protocol.call import new_request_id


def test_request_ids_are_random_uuids_of_version_4() -> None:
    identifiers = [new_request_id() for _ in range(3000)]

    assert len(set(identifiers)) == 3000
    for identifier in identifiers:
        parsed = uuid.UUID(identifier)
        assert (str(parsed), parsed.version, parsed.variant) == (identifier, 4, uuid.RFC_4122)


def test_a_forked_process_gives_out_other_ids() -> None:
    new_request_id()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, new_request_id().encode())
        os._exit(0)
    os.waitpid(child, 0)

    assert os.read(reader, 64).decode() not in {new_request_id() for _ in range(1000)}
