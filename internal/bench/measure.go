package main

import (
	"crypto/x509"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// measure is one figure of one side.
type measure struct {
	name   string
	higher bool // more is better
	limit  float64
	unit   string
	turns  int // how many times the sides take turns within a round
	take   func(s *side, roots *x509.CertPool) (float64, error)
	both   func(a, b *side, roots *x509.CertPool) (mine, bare float64, err error) // instead of take
}

// round gives the median of a few turns of each side. They take turns so that what else the
// machine does meets both alike; what takes microseconds needs more of them than what takes
// seconds.
func (m *measure) round(a, b *side, roots *x509.CertPool) (mine, bare float64, err error) {
	var x, y []float64
	for range m.turns {
		if m.both != nil {
			mine, bare, err := m.both(a, b, roots)
			if err != nil {
				return 0, 0, err
			}
			x, y = append(x, mine), append(y, bare)
			continue
		}
		for _, s := range [...]struct {
			side *side
			to   *[]float64
		}{{a, &x}, {b, &y}} {
			v, err := m.take(s.side, roots)
			if err != nil {
				return 0, 0, err
			}
			*s.to = append(*s.to, v)
		}
	}
	return median(x), median(y), nil
}

func throughput(item string, octets, times int) func(*side, *x509.CertPool) (float64, error) {
	return func(s *side, roots *x509.CertPool) (float64, error) {
		c, err := dial(s.addr, roots)
		if err != nil {
			return 0, err
		}
		defer c.Close()
		if err := c.login(); err != nil {
			return 0, err
		}
		if err := c.open(); err != nil {
			return 0, err
		}
		took, err := c.fetch(item, octets, times)
		return float64(octets) * float64(times) / took.Seconds() / 1e6, err
	}
}

// noop times a hundred round trips of each side. They alternate: how fast a machine wakes who waits
// changes by the second, and by more than the sides differ.
func noop(a, b *side, roots *x509.CertPool) (mine, bare float64, err error) {
	var clients [2]*client
	for i, s := range [...]*side{a, b} {
		c, err := dial(s.addr, roots)
		if err != nil {
			return 0, 0, err
		}
		defer c.Close()
		if err := c.login(); err != nil {
			return 0, 0, err
		}
		clients[i] = c
	}
	var times [2][]float64
	for range 100 {
		for i, c := range clients {
			begin := time.Now()
			if err := c.command("a2 NOOP"); err != nil {
				return 0, 0, err
			}
			times[i] = append(times[i], float64(time.Since(begin).Nanoseconds())/1e3)
		}
	}
	return median(times[0]), median(times[1]), nil
}

func connect(s *side, roots *x509.CertPool) (float64, error) {
	times := make([]float64, 3)
	for i := range times {
		begin := time.Now()
		c, err := dial(s.addr, roots)
		if err != nil {
			return 0, err
		}
		if err := c.login(); err != nil {
			return 0, err
		}
		times[i] = float64(time.Since(begin).Nanoseconds()) / 1e3
		c.Close()
	}
	return median(times), nil
}

// idle opens connections, lets them idle and reads the proxy's memory.
func idle(n int) func(*side, *x509.CertPool) (float64, error) {
	return func(s *side, roots *x509.CertPool) (float64, error) {
		fresh, err := s.again()
		if err != nil {
			return 0, err
		}
		defer fresh.stop()
		for range n {
			c, err := dial(fresh.addr, roots)
			if err != nil {
				return 0, err
			}
			defer c.Close()
			if err := c.login(); err != nil {
				return 0, err
			}
			if err := c.command("a2 IDLE"); err != nil {
				return 0, err
			}
			c.buf = nil
		}
		return resident(fresh.cmd.Process.Pid)
	}
}

// resident gives the memory of a process in MiB (VmRSS).
func resident(pid int) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmRSS:" {
			kib, err := strconv.ParseFloat(f[1], 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("bench: no VmRSS of process %d", pid)
}

func median(x []float64) float64 {
	x = slices.Clone(x)
	slices.Sort(x)
	if n := len(x); n%2 == 0 {
		return (x[n/2-1] + x[n/2]) / 2
	}
	return x[len(x)/2]
}
