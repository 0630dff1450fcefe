"""How gunicorn serves the web process. A faulty configuration ends here, and not in each worker."""

from __future__ import annotations

import sys

from worker.configuration import load_configuration
from worker.configuration_error import ConfigurationError

try:
    _settings = load_configuration().settings
except ConfigurationError as error:
    sys.stderr.write(f"{error}\n")
    sys.exit(2)

# Platforms route to every interface of the process; `--bind` on the command line overrides it.
bind = f"0.0.0.0:{_settings.port}"
workers = _settings.web_concurrency
worker_class = "gthread"
threads = 8
# Each worker makes its own connections to Redis.
preload_app = False
# Longer than a load balancer's habit of using a connection again, at no cost to a thread.
keepalive = 75
# The longest request opens a door, which takes 30 s at most; what has not ended by then hangs.
graceful_timeout = 33
# Addresses may hold a source's token, so no line per request is written.
accesslog = None
# The socket lies at one path under HOME for all instances, and nothing here speaks to it.
control_socket_disable = True
