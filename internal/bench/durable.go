package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// stored is how a job put the messages of a mailbox away.
type stored struct {
	messages int // put in place: renamed or linked into cur or new
	safe     int // of them those whose octets had been flushed to the disk before
	dirs     int // flushes of directories
	calls    int // flushes of anything
}

// durable runs a job once more under strace and tells of each message whether it was flushed
// before it got its name: what is equally durable can be set side by side.
func (j *job) durable(dir string) (*stored, error) {
	if _, err := exec.LookPath("strace"); err != nil {
		return nil, err
	}
	log := filepath.Join(dir, "strace")
	traced := *j
	traced.name, traced.keep = j.name+"-traced", false
	traced.command = func(d string) *exec.Cmd {
		cmd := j.command(d)
		args := append([]string{
			"-f", "--seccomp-bpf", "-qq", "-y", "-s", "0", "-o", log,
			"-e", "trace=fsync,fdatasync,sync_file_range,syncfs,rename,renameat,renameat2,link,linkat",
		}, cmd.Args...)
		run := exec.Command("strace", args...)
		run.Env = cmd.Env
		return run
	}
	if _, err := traced.run(dir); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(log)
	if err != nil {
		return nil, err
	}
	return readTrace(string(text)), nil
}

// A call that another thread interrupts in the trace stands on two lines; what it was called with is
// on the first one.
var (
	flushCall = regexp.MustCompile(`^\d+ +(?:fsync|fdatasync)\(\d+<([^>]*)>`)
	otherSync = regexp.MustCompile(`^\d+ +(?:sync_file_range|syncfs)\(`)
	nameCall  = regexp.MustCompile(`^\d+ +(?:rename|link)(?:at2?)?\((?:[A-Z_0-9]+<[^>]*>, |\d+<[^>]*>, )?"([^"]*)", (?:[A-Z_0-9]+<[^>]*>, |\d+<[^>]*>, )?"([^"]*)"`)
)

// readTrace takes the trace line by line. A message is what gets a name in the cur or new of a
// Maildir from elsewhere than cur; where a program makes it there at once, its flush is all there is.
func readTrace(text string) *stored {
	var s stored
	flushed := map[string]bool{}
	for line := range strings.Lines(text) {
		if m := flushCall.FindStringSubmatch(line); m != nil {
			s.calls++
			if base := filepath.Base(m[1]); base == "cur" || base == "new" || base == "tmp" {
				s.dirs++
			} else {
				flushed[filepath.Base(m[1])] = true
			}
			continue
		}
		if otherSync.MatchString(line) {
			s.calls++
			continue
		}
		m := nameCall.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		from, to := filepath.Base(filepath.Dir(m[1])), filepath.Base(filepath.Dir(m[2]))
		if to != "cur" && to != "new" || from == "cur" {
			continue
		}
		s.messages++
		if flushed[filepath.Base(m[1])] {
			s.safe++
		}
	}
	return &s
}

func (s *stored) String() string {
	return fmt.Sprintf("%d messages named, %d of them flushed before, %d flushes of directories, %d in all", s.messages, s.safe, s.dirs, s.calls)
}
