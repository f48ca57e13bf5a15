"""Inboxes: the mock as the receiver of somebody's webhooks, such as the gateway's.

An inbox is there as soon as something is posted to `/inbox/<name>`. It keeps what comes in, answers
by a script, and says afterwards whether the sender did well: signed as Standard Webhooks says
(https://www.standardwebhooks.com), in order, without gaps, with pauses between its tries.
"""

from mockserver.inbox.inbox import Inbox
from mockserver.inbox.script import ScriptError

__all__ = ["Inbox", "ScriptError"]
"""What tests need."""
