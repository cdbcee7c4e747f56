"""A bare supervisor that is asked to stop, again and again, by two signals close together."""

import os
import subprocess
import sys
from pathlib import Path

#: Every round waits as `make run` does, in the main thread, and gets its signals from another process: two senders, as
#: where a terminal and a platform ask at once. A round that hangs is ended by the alarm, whose number the test sees.
ROUNDS = """
import os, random, signal, subprocess, sys, time
from pathlib import Path
from server.development.make_run import stop_on_signals
from server.development.supervisor import Stopped, Supervisor

SENDER = '''
import os, signal, sys, time
for line in sys.stdin:
    time.sleep(float(line))
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(int(sys.argv[1]), number)
'''
senders = [
    subprocess.Popen([sys.executable, "-c", SENDER, str(os.getpid())], stdin=subprocess.PIPE, text=True)
    for _ in range(2)
]
for round in range(int(sys.argv[1])):
    signal.alarm(10)
    supervisor = Supervisor(dict(os.environ), Path.cwd(), stop_on_signals())
    after = random.uniform(0, 0.02)
    for sender in senders:
        print(after, file=sender.stdin, flush=True)
    try:
        supervisor.wait_for(lambda: False)
    except Stopped:
        print("stopped", flush=True)
    time.sleep(0.02)  # until the last of the four signals has come
for sender in senders:
    sender.stdin.close()
    sender.wait()
"""


def stops(rounds: int, folder: Path) -> int:
    """How many of so many rounds ended."""
    top = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", ROUNDS, str(rounds)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(top)},
        capture_output=True,
        text=True,
        timeout=60 + rounds,
    )
    print(done.stderr, f"ended with {done.returncode}")
    return done.stdout.count("stopped")
