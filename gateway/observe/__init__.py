"""What the gateway tells its operators: structured log lines, one per event that matters."""

from gateway.observe.logging import configure
from gateway.observe.phases import phase_changed
from gateway.observe.requests import RequestLog

__all__ = ["RequestLog", "configure", "phase_changed"]
