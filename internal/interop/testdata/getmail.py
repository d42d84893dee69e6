"""getmail, sure to notice that its delivery agent ended.

getmail 6.18 waits for the signal of that, which it asks for only when the agent runs
already: on a busy machine the signal can have come before, and then getmail waits for
minutes. Here it waits for the process itself.
"""

import os, runpy, shutil, sys

from getmailcore.baseclasses import ForkingBase

ForkingBase._prepare_child = lambda self: None
ForkingBase._wait_for_child = lambda self, pid: os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.argv[0] = shutil.which("getmail")
runpy.run_path(sys.argv[0], run_name="__main__")
