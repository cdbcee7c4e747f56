"""Every state transition of a run but its planning, which is `workers.dispatch`'s."""

from workers.runs.asking import ask, retry
from workers.runs.burying import bury
from workers.runs.finishing import MAX_ATTEMPTS, fail, succeed
from workers.runs.heartbeat import pulse
from workers.runs.reaping import reap
from workers.runs.repairing import repair
from workers.runs.resending import resend
from workers.runs.sending import AHEAD, send
from workers.runs.starting import begin, claim
from workers.runs.storable import json_size

__all__ = [
    "AHEAD",
    "MAX_ATTEMPTS",
    "ask",
    "begin",
    "bury",
    "claim",
    "fail",
    "json_size",
    "pulse",
    "reap",
    "repair",
    "resend",
    "retry",
    "send",
    "succeed",
]
