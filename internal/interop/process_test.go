//go:build interop

package interop

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// starter starts all long-lived processes from one thread that never ends: the kernel
// kills them when that thread dies (Pdeathsig), so none outlives the tests, not even
// after a panic, a test timeout or a SIGKILL.
var starter = func() chan<- func() {
	ch := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range ch {
			f()
		}
	}()
	return ch
}()

// startBound starts cmd so that it dies with this process, by sig.
func startBound(cmd *exec.Cmd, sig syscall.Signal) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: sig}
	err := make(chan error)
	starter <- func() { err <- cmd.Start() }
	return <-err
}

// execution is what became of a command that was run to its end.
type execution struct {
	Stdout, Stderr string
	Code           int
}

// clientTimeout bounds one run of a client or tool.
const clientTimeout = 2 * time.Minute

// execute runs a command to its end.
func execute(t *testing.T, name string, args ...string) execution {
	t.Helper()
	return executeIn(t, "", name, args...)
}

// executeIn runs a command to its end with stdin as its standard input.
func executeIn(t *testing.T, stdin, name string, args ...string) execution {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), clientTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	cmd.Env = append(os.Environ(), "HOME="+lab.dir, "LC_ALL=C.UTF-8")
	err := cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("%s %s: still running after %s\n%s", name, strings.Join(args, " "), clientTimeout, errs.String())
	}
	if cmd.ProcessState == nil {
		t.Fatalf("%s: %v", name, err)
	}
	return execution{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// must runs a command that has to succeed, and gives its standard output.
func must(t *testing.T, name string, args ...string) string {
	t.Helper()
	x := execute(t, name, args...)
	if x.Code != 0 {
		t.Fatalf("%s %s: exit %d\n%s%s", name, strings.Join(args, " "), x.Code, bounded(x.Stdout), x.Stderr)
	}
	return x.Stdout
}

// bounded cuts long output for a failure text.
func bounded(s string) string {
	const most = 4000
	if len(s) <= most {
		return s
	}
	return fmt.Sprintf("%s\n… %d octets left out …\n%s", s[:most/2], len(s)-most, s[len(s)-most/2:])
}

// eventually waits for a condition of another process, which no channel can tell of.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("still waiting for: %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
