package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"
)

// runners are the commands that take a command of the user's behind "--".
var runners = []string{"serve"}

// splitCommand gives the positionals before "--", and the command behind it where there is
// a "--".
func splitCommand(c *cli.Context) (args, command []string, runs bool) {
	all := c.Args().Slice()
	i := slices.Index(all, "--")
	if i < 0 {
		return all, nil, false
	}
	return all[:i], all[i+1:], true
}

// commandError is the verdict of a command that was run: its exit code is ours.
type commandError struct{ code int }

func (e *commandError) Error() string {
	return fmt.Sprintf("the command ended with exit code %d", e.code)
}

// clientGrace is how long a client may take to end when it was asked to.
const clientGrace = 10 * time.Second

// runClient runs the user's command with our standard streams. Where ctx ends, it is asked
// to end.
func runClient(ctx context.Context, command, env []string) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = clientGrace
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		if code := exit.ExitCode(); code >= 0 {
			return &commandError{code}
		}
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return &commandError{128 + int(status.Signal())} // as a shell says it
		}
		return &commandError{exitIO}
	case err != nil && ctx.Err() == nil:
		return &ioError{err: fmt.Errorf("cannot run %s: %w", command[0], bare(err)), hint: "what stands behind -- is a command and its arguments"}
	}
	return nil
}

// watchSignals delivers what asks us to stop, until stop. A reader of ours that went away
// must not end the sessions; SIGPIPE is caught and not ignored, as a client would inherit
// that.
func watchSignals() (signals <-chan os.Signal, stop func()) {
	all, pipe := stopSignals(), make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	return all, func() {
		signal.Stop(all)
		signal.Stop(pipe)
	}
}
