package main

import (
	"os/exec"
	"syscall"
)

// most is the most memory that a process had, in octets.
func most(cmd *exec.Cmd) int64 { return cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10 }
