"""What a refused call says."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


def refused(code: str, call: Callable[..., Any], **members: Any) -> str:
    """The message of a call that must be refused with a code."""
    with pytest.raises(ClientError) as caught:
        call(**members)
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    message: str = error["Message"]
    return message
