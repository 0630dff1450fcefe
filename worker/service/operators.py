"""Who did what by hand: written before it is done, so that a crash in between leaves a trace, and after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from worker.store.operator_log import OperatorLog
from worker.store.redis_client import RedisError

DONE = "done"


@dataclass(slots=True)
class Act:
    """One act of a person. `result`: what came of it; without one it is done, unless an error ends it."""

    id: str
    result: str = DONE


@dataclass(frozen=True, slots=True)
class Operator:
    """A person as the log names one, such as `api token 1` or `cli anna@host`."""

    log: OperatorLog
    who: str

    @contextmanager
    def does(self, what: str, on: str) -> Iterator[Act]:
        """Log an act. An error that ends it is logged by its class alone, as its text may hold a guest.

        Raises redis' errors before anything is done: what cannot be logged is not done.
        """
        act = Act(self.log.asked(self.who, what, on))
        try:
            yield act
        except BaseException as error:
            act.result = act.result if act.result != DONE else f"not done: {type(error).__name__}"
            with suppress(RedisError):  # that it was asked for stands there
                self.log.ended(act.id, self.who, what, on, act.result)
            raise
        with suppress(RedisError):  # it is done, and to be told
            self.log.ended(act.id, self.who, what, on, act.result)
