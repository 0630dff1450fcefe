"""A stand-in for the vendor's cloud: demo, test double, and the place where faults are made on purpose."""

from __future__ import annotations

from worker.kas.sandbox.core import utc_now
from worker.kas.sandbox.remote import ControlError, SandboxControl
from worker.kas.sandbox.server import Sandbox, run_sandbox, running_sandbox
from worker.kas.sandbox.settings import DEFAULT_KEY, LockSpec, Setup
from worker.kas.sandbox.slots import Auth, Latency

__all__ = [
    "DEFAULT_KEY",
    "Auth",
    "ControlError",
    "Latency",
    "LockSpec",
    "Sandbox",
    "SandboxControl",
    "Setup",
    "run_sandbox",
    "running_sandbox",
    "utc_now",
]
