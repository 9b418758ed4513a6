"""Programs that race for requests and die: nothing is paid twice, nothing stays claimed, all that is shown is true."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from race import racing
from raw_server import Hang, RawServer
from seedream_magic.images.claims import is_live
from seedream_magic.images.stored_runs import records
from service import POST
from test_faults_post import NEVER


def test_two_programs_that_are_killed_leave_nothing_untrue(tmp_path: Path) -> None:
    """For the same and for different requests, over two stores and one library; `make faults` has 200 kills."""
    chance, broken = random.Random(3), list[str]()
    with racing(tmp_path) as race:
        while race.kills < 16:
            broken += race.round(chance)
    assert broken == []


ORPHAN = """
import os, signal, sys, threading, time
from seedream_magic import Seedream
seedream = Seedream("anyfast", api_key="sk-x-123456", base_url=sys.argv[1], store=sys.argv[2])
threading.Thread(target=seedream.generate, args=("x",), daemon=True).start()
sys.stdin.readline()
here, there = os.pipe()
child = os.fork()
if not child:
    os.write(there, b"forked")  # what is done after a fork is done
    time.sleep(60)
    os._exit(0)
os.read(here, 1)
print(child, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no process is forked here")
def test_a_child_that_outlives_its_kernel_keeps_no_claim(server: RawServer, store: Path) -> None:
    """A worker that the notebook forked during the run, as multiprocessing does, has all its files; not its lock."""
    server._scenario = {POST: Hang(NEVER)}
    command = [sys.executable, "-W", "ignore", "-c", ORPHAN, f"{server.url}/v1", str(store)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        server.wait_for(lambda seen: seen.posts == 1)
        (record,) = records(store)
        assert is_live(record)
        assert program.stdin
        assert program.stdout
        print("now", file=program.stdin, flush=True)
        child = int(program.stdout.readline())
        program.wait(20)
        try:
            assert not is_live(record)
        finally:
            os.kill(child, 9)
