"""getmail, patient with its delivery agent.

getmail waits for the signal that the agent ended; where that came before it began to wait,
as on a busy machine, it waits in vain until it gives up (getmail 6.18). Here it looks
whether the signal came.
"""

import runpy, shutil, sys, time

from getmailcore.baseclasses import ForkingBase


class Ended:
    came = False

    def acquire(self):
        pass

    release = acquire

    def notify_all(self):
        self.came = True

    def wait(self, seconds):
        end = time.monotonic() + seconds
        while not self.came and time.monotonic() < end:
            time.sleep(0.002)
        return self.came


prepare = ForkingBase._prepare_child


def prepare_child(self):
    prepare(self)
    self._ForkingBase__child_exited = Ended()


ForkingBase._prepare_child = prepare_child
sys.argv[0] = shutil.which("getmail")
runpy.run_path(sys.argv[0], run_name="__main__")
