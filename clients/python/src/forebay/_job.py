"""What a job is to both clients: an id, and what was last heard of it."""

from __future__ import annotations

from . import types
from ._submission import job_id


class Known:
    """A job by its id; nothing is asked before a method is called."""

    def __init__(self, job: str, state: types.Job | None) -> None:
        self.id = job_id(job)
        """What it is picked up by: `client.job(id)`."""
        self.state = state
        """What was last heard of it; None where nothing was asked yet."""

    @property
    def status(self) -> str | None:
        """`types.JobState` as last heard; None where nothing was asked yet."""
        return self.state["status"] if self.state is not None else None

    def __repr__(self) -> str:
        what = f" {self.state['status']}" if self.state is not None else ""
        return f"<{type(self).__name__} {self.id}{what}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Known) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)
