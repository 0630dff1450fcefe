"""What `dramatiq worker.actors:start webhooks.jobs` adds to a worker: the actor that asks booking systems.

The adapters are in `webhooks`, of which `worker` knows nothing. Dramatiq imports this module once the
worker's own actors are declared.
"""

from __future__ import annotations

import dramatiq

from webhooks.errand_actor import Reminder, declare
from worker.actors import running

__all__: list[str] = []

_innkey = running()
declare(dramatiq.get_broker(), _innkey)
Reminder(_innkey).start()
