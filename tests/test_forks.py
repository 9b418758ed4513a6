"""A process that is forked in the middle of something, as multiprocessing does: its child draws like any other."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from raw_server import Behaviour, Gate, Request, raw_server
from served import KEY
from service import PICTURE, POST, completed, picture, stream_head, succeeded, whole_answer

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

IMPORTED = """
import os, sys, threading, time
url, store, key, slow = sys.argv[1:]
inside = threading.Event()

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == slow:
            sys.meta_path.remove(self)
            inside.set()
            time.sleep(0.5)  # the fork falls into it; nothing tells when a process begins to fork

def draw(prompt):
    from seedream_magic import Seedream
    return len(Seedream("anyfast", api_key=key, base_url=url, store=store).generate(prompt, stream=False).ok)

sys.meta_path.insert(0, Slow())
thread = threading.Thread(target=draw, args=("in the parent",), daemon=True)
thread.start()
assert inside.wait(20)
child = os.fork()
drawn = draw("in the child" if not child else "after the fork")
if not child:
    os._exit(drawn)
thread.join(20)
print(drawn, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), thread.is_alive())
"""


def ended(program: str, *arguments: str) -> str:
    """What a process says in time."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said, errors = process.communicate(timeout=40)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)  # its children as well
            said, errors = process.communicate()
    assert errors == ""
    return said


@pytest.mark.parametrize("slow", ["seedream_magic.version", "seedream_magic.run", "httpx._models", "PIL.ImageFile"])
def test_a_fork_in_the_middle_of_an_import(slow: str, store: Path) -> None:
    """Whatever another thread loads at that moment: the child does not wait for a thread that it does not have."""
    with raw_server({POST: whole_answer, PICTURE: picture}) as server:
        assert ended(IMPORTED, f"{server.url}/v1", str(store), KEY, slow) == "1 1 False\n"


UNDER_WAY = """
import multiprocessing, os, sys, threading
from seedream_magic import Seedream
from seedream_magic.images import locks
url, store, key = sys.argv[1:]

def draw(prompt, stream=False):
    client = Seedream("anyfast", api_key=key, base_url=url, store=store)
    return len(client.generate(prompt, images=2 if stream else 1, stream=stream).ok)

def busy(lock):
    with lock:
        held.wait()

thread = threading.Thread(target=draw, args=("under way", True), daemon=True)
thread.start()
sys.stdin.readline()
from seedream_magic import pillow
from seedream_magic.api import retry
from seedream_magic.api.references import make_references
from seedream_magic.view import pictures
held, taken = threading.Event(), [pillow._lock, retry.TOKENS._lock, make_references._warnings_off, pictures._WHOLE]
taken += locks._turns.values()
for lock in taken:
    threading.Thread(target=busy, args=(lock,), daemon=True).start()
while not all(lock.locked() for lock in taken):
    pass
with multiprocessing.get_context("fork").Pool(2) as pool:
    drawn = pool.map(draw, ["in a child", "in another"])
    print(drawn, flush=True)
held.set()
sys.stdin.readline()
thread.join(20)
print(thread.is_alive(), flush=True)
"""


UNCOLLECTED = """
import gc, os, sys, threading
from seedream_magic.loading import uncollected
inside, forked = threading.Event(), threading.Event()

def load():
    with uncollected():
        inside.set()
        forked.wait(20)

thread = threading.Thread(target=load)
thread.start()
assert inside.wait(20)
child = os.fork()
if not child:
    os._exit(0 if gc.isenabled() else 1)
forked.set()
thread.join()
assert gc.isenabled()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_fork_while_modules_are_loaded_leaves_the_child_its_garbage_collector() -> None:
    """It is off only as long as somebody loads, and who does is not in the child."""
    subprocess.run([sys.executable, "-c", UNCOLLECTED], check=True, timeout=60)


def test_a_fork_in_the_middle_of_a_run(store: Path) -> None:
    """The children of a pool draw, whatever locks other threads had; the run of the parent ends as it would have."""
    go_on = threading.Event()

    def answer(request: Request) -> Behaviour:
        if request.json()["prompt"] != "under way":
            return whole_answer(request)
        return Gate(stream_head() + succeeded(request, 0), go_on, succeeded(request, 1) + completed(2))

    with raw_server({POST: answer, PICTURE: picture}) as server:
        command = [sys.executable, "-W", "ignore", "-c", UNDER_WAY, f"{server.url}/v1", str(store), KEY]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True) as process:
            assert process.stdin
            assert process.stdout
            limit = threading.Timer(40, os.killpg, (process.pid, 9))
            limit.start()
            server.wait_for(lambda seen: seen.gets == 1, 30)
            print(file=process.stdin, flush=True)
            drawn = process.stdout.readline()
            go_on.set()
            said = process.communicate("\n")[0]
            limit.cancel()
    assert (drawn, said) == ("[1, 1]\n", "False\n")
