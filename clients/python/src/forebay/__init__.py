"""Submit jobs to Forebay, wait as you like, fetch the results.

import forebay
from pathlib import Path

with forebay.Client() as client:
    print(client.run("efficientnet-lite0", Path("cat.png")).json())
"""

from . import errors, types, webhooks
from ._async import AsyncClient, AsyncJob
from ._following import Event
from ._inputs import Input
from ._mapping import Outcome
from ._result import Result
from ._retry import Retry
from ._sync import Client, Job
from .errors import *  # noqa: F403
from .errors import __all__ as _errors

__version__ = "0.1.0"
__all__ = [
    "AsyncClient",
    "AsyncJob",
    "Client",
    "Event",
    "Input",
    "Job",
    "Outcome",
    "Result",
    "Retry",
    "errors",
    "types",
    "webhooks",
    *_errors,
]
