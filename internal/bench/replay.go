package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// replayed is how many messages of 4 KiB the recorded session has.
const replayed = 5000

// replaying prints what a recorded session costs: as the server against the live server for the
// same client, as the client against that client, and the memory of each.
func replaying(binary string, rounds int, dir string) error {
	box := filepath.Join(dir, "box")
	if err := maildir(box, replayed); err != nil {
		return err
	}
	ca := filepath.Join(dir, "ca")
	fmt.Printf("a session of %d messages of 4 KiB, recorded\n%-28s %8s %8s %6s   %-14s %-14s %8s  %s\n",
		replayed, "", "replay", "live", "speed", "spread", "limit", "memory", "limit")
	for _, protocol := range []string{"pop3", "imap"} {
		live, err := ready(dir, binary, "serve", "--maildir", box, "--listen", protocol+"s://127.0.0.1:0", "--ca-dir", ca)
		if err != nil {
			return err
		}
		defer live.stop()
		capture := filepath.Join(dir, protocol+".pcapng")
		proxy, err := start(binary, "proxy", "--format", "none", "--listen", protocol+"s://127.0.0.1:0", "--ca-dir", ca,
			"--tls-ca", filepath.Join(ca, "ca.pem"), "--capture", capture, protocol+"s://localhost:"+live.port())
		if err != nil {
			return err
		}
		_, err = fetchAll(protocol, proxy.addr, ca)
		proxy.stop()
		if err != nil {
			return err
		}
		var lives, served, played []float64
		var memory [2]int64
		for range rounds {
			took, err := fetchAll(protocol, "localhost:"+live.port(), ca)
			if err != nil {
				return err
			}
			lives = append(lives, took)
			s, err := ready(dir, binary, "serve", capture, "--listen", protocol+"s://127.0.0.1:0", "--ca-dir", ca)
			if err != nil {
				return err
			}
			if took, err = fetchAll(protocol, "localhost:"+s.port(), ca); err != nil {
				return err
			}
			served = append(served, took)
			if err := s.cmd.Wait(); err != nil {
				return fmt.Errorf("mailtrace serve: %w", err)
			}
			memory[0] = max(memory[0], most(s.cmd))
			replay := exec.Command(binary, "replay", capture, "--to", protocol+"s://localhost:"+live.port(), "--user", "u1",
				"--tls-ca", filepath.Join(ca, "ca.pem"), "--password-command", "echo any", "--allow-changes")
			began := time.Now()
			if out, err := replay.CombinedOutput(); err != nil {
				return fmt.Errorf("mailtrace replay: %w\n%s", err, out)
			}
			played = append(played, time.Since(began).Seconds())
			memory[1] = max(memory[1], most(replay))
		}
		for i, x := range [...]struct {
			name  string
			times []float64
		}{{"the server", served}, {"the client", played}} {
			var ratios []float64
			for j, took := range x.times {
				ratios = append(ratios, lives[j]/took)
			}
			fmt.Printf("%-28s %6.2f s %6.2f s %6.2f   %.2f to %.2f   at least 0.50  %4d MiB  less than 64\n", protocol+", as "+x.name,
				median(x.times), median(lives), median(ratios), slices.Min(ratios), slices.Max(ratios), memory[i]>>20)
		}
	}
	return nil
}

func maildir(dir string, n int) error {
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return err
		}
	}
	line := "The quick brown fox jumps over the lazy dog, and the dog does not mind.\r\n"
	for i := range n {
		m := fmt.Appendf(nil, "From: a%d@example.org\r\nTo: b@example.org\r\nSubject: message %d\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n\r\n", i, i)
		for len(m)+len(line) <= 4096 {
			m = append(m, line...)
		}
		if err := os.WriteFile(filepath.Join(dir, "new", fmt.Sprintf("%d.M%dP1.bench", 1_700_000_000+i, i)), m, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// ready starts a `mailtrace serve` and waits until clients may come.
func ready(dir, binary string, args ...string) (*side, error) {
	file := filepath.Join(dir, "ready")
	_ = os.Remove(file) // there may be none
	s := &side{cmd: exec.Command(binary, append(args, "--ready-file", file)...)}
	var said bytes.Buffer
	s.cmd.Stderr = &said
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	for range 600 {
		if p, err := os.ReadFile(file); err == nil {
			s.addr = strings.TrimSpace(string(p))
			return s, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.stop()
	return nil, errors.New("mailtrace serve does not answer: " + said.String())
}

func (s *side) port() string { return s.addr[strings.LastIndexByte(s.addr, ':')+1:] }

// fetchAll gets all messages one by one, and gives the seconds that it took.
func fetchAll(protocol, addr, ca string) (float64, error) {
	pem, err := os.ReadFile(filepath.Join(ca, "ca.pem"))
	if err != nil {
		return 0, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	c, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: roots, ServerName: "localhost"})
	if err != nil {
		return 0, err
	}
	defer c.Close()
	began := time.Now()
	r := bufio.NewReaderSize(c, 64<<10)
	// ask sends a command and reads up to the line that ends the answer.
	ask := func(command, end string, more bool) error {
		if command != "" {
			if _, err := io.WriteString(c, command+"\r\n"); err != nil {
				return err
			}
		}
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return fmt.Errorf("%s: %w", command, err)
			}
			if strings.HasPrefix(line, "-ERR") || strings.Contains(line, " NO ") || strings.Contains(line, " BAD ") {
				return fmt.Errorf("%s: %s", command, line)
			}
			if strings.HasPrefix(line, end) {
				if !more {
					return nil
				}
				end, more = ".\r\n", false
			}
		}
	}
	type step struct {
		command, end string
		more         bool
	}
	steps := []step{{"", "+OK", false}, {"USER u1", "+OK", false}, {"PASS any", "+OK", false}}
	last := step{"QUIT", "+OK", false}
	if protocol == "imap" {
		steps = []step{{"", "* OK", false}, {"a1 LOGIN u1 any", "a1 OK", false}, {"a2 EXAMINE INBOX", "a2 OK", false}}
		last = step{"a3 LOGOUT", "a3 OK", false}
	}
	for i := range replayed {
		if protocol == "imap" {
			steps = append(steps, step{fmt.Sprintf("f%d FETCH %d BODY.PEEK[]", i+1, i+1), fmt.Sprintf("f%d OK", i+1), false})
		} else {
			steps = append(steps, step{fmt.Sprintf("RETR %d", i+1), "+OK", true})
		}
	}
	for _, x := range append(steps, last) {
		if err := ask(x.command, x.end, x.more); err != nil {
			return 0, err
		}
	}
	return time.Since(began).Seconds(), nil
}
