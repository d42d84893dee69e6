package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// asCommand in the environment makes the test binary the command itself, for tests that
// need a process to send signals to.
const asCommand = "MAILTRACE_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	testscript.Main(m, map[string]func(){"mailtrace": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			// What a run depends on is said here, not by the machine.
			e.Setenv("LC_ALL", "C.UTF-8")
			e.Setenv("NO_COLOR", "")
			e.Setenv("TERM", "xterm")
			// Else each run of a program with the race detector in it takes a second more to end.
			e.Setenv("GORACE", "atexit_sleep_ms=10")
			e.Setenv("XDG_CONFIG_HOME", e.WorkDir+"/config")
			e.Setenv("HOME", e.WorkDir+"/home")
			e.Values[running{}] = map[string]*process{}
			return os.MkdirAll(e.WorkDir+"/home", 0o755)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "server": server, "start": start, "halt": halt, "await": await, "converse": converse,
		},
		RequireExplicitExec: true,
	})
}
