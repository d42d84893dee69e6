package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	rounds := flag.Int("rounds", 7, "rounds of each measure")
	only := flag.String("only", "", "only measures whose name contains this")
	binary := flag.String("mailtrace", "", "the mailtrace to measure (default: build it)")
	asBaseline := flag.String("baseline", "", "be the baseline in front of this address")
	cert, key, root := flag.String("cert", "", ""), flag.String("key", "", ""), flag.String("root", "", "")
	plaintext := flag.String("plaintext", "", "")
	scanned := flag.String("scan", "", "be the line scanner of this capture")
	captures := flag.Bool("captures", false, "measure the reading of captures, not the proxy")
	replays := flag.Bool("replay", false, "measure a recorded session that is played again")
	verbs := flag.Bool("client", false, "measure list, sync and fetch beside other mail clients, from Dovecot")
	flag.Parse()
	var err error
	switch {
	case *asBaseline != "":
		err = baseline(*asBaseline, *cert, *key, *root, *plaintext)
	case *scanned != "":
		err = scan(*scanned)
	default:
		err = run(*rounds, *only, *binary, *captures, *replays, *verbs)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// side is one of the two proxies, in a process of its own.
type side struct {
	args []string
	addr string
	cmd  *exec.Cmd
}

func start(args ...string) (*side, error) {
	s := &side{args: args, cmd: exec.Command(args[0], args[1:]...)}
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	atEnd.add(func() { s.cmd.Process.Kill() })
	said := ""
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		said += lines.Text() + "\n"
		if _, after, ok := strings.Cut(lines.Text(), "listening on "); ok {
			s.addr, _, _ = strings.Cut(after, ",")
			_, s.addr, _ = strings.Cut(s.addr, "://")
			go io.Copy(io.Discard, stderr)
			return s, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("%s did not listen:\n%s", filepath.Base(args[0]), said), s.cmd.Wait())
}

func (s *side) stop() {
	s.cmd.Process.Signal(os.Interrupt)
	s.cmd.Wait()
}

func (s *side) again() (*side, error) { return start(s.args...) }

func run(rounds int, only, binary string, captures, replays, verbs bool) error {
	dir, err := os.MkdirTemp("", "mailtrace-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	atEnd.onSignal()
	atEnd.add(func() { os.RemoveAll(dir) })
	cert, certFile, keyFile, rootFile, err := chain(dir)
	if err != nil {
		return err
	}
	if binary == "" {
		binary = filepath.Join(dir, "mailtrace")
		build := exec.Command("go", "build", "-o", binary, "./cmd/mailtrace")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("building mailtrace: %w", err)
		}
	}
	if verbs {
		return clients(binary, rounds, only, dir)
	}
	if captures {
		return reading(binary, rounds, dir)
	}
	if replays {
		return replaying(binary, rounds, dir)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	what := workloads()
	go serve(l, &tls.Config{Certificates: []tls.Certificate{cert}}, what)
	_, port, _ := net.SplitHostPort(l.Addr().String())

	self, err := os.Executable()
	if err != nil {
		return err
	}
	ours := []string{
		binary, "proxy", "--format", "none", "--listen", "imaps://127.0.0.1:0", "--ca-dir", filepath.Join(dir, "ca"),
		"--tls-ca", rootFile, "imaps://localhost:" + port,
	}
	theirs := []string{self, "-baseline", "localhost:" + port, "-cert", certFile, "-key", keyFile, "-root", rootFile}
	for _, with := range []struct {
		title        string
		ours, theirs []string
		measures     []measure
	}{
		{"decoding, no capture", ours, theirs, []measure{
			{name: "message of 64 MiB", higher: true, limit: 0.90, unit: "MB/s", turns: 5, take: throughput("BIG", len(what["BIG"]), 1)},
			{name: "5,000 messages of 4 KiB", higher: true, limit: 0.90, unit: "MB/s", turns: 5, take: throughput("MESSAGES", len(what["MESSAGES"]), 2)},
			{name: "20,000 rows of 330 octets", higher: true, limit: 0.90, unit: "MB/s", turns: 5, take: throughput("ROWS", len(what["ROWS"]), 6)},
			{name: "noop", limit: 1.15, unit: "µs", turns: 25, both: noop},
			{name: "connect and login", limit: 1.15, unit: "µs", turns: 25, take: connect},
			{name: "idle, 1,000 connections", limit: 1.30, unit: "MiB", turns: 1, take: idle(1000)},
		}},
		{
			"with capture; the baseline writes the plaintext",
			append(slices.Clone(ours), "--force", "--capture", filepath.Join(dir, "bench.pcapng")),
			append(slices.Clone(theirs), "-plaintext", filepath.Join(dir, "plaintext")),
			[]measure{
				{name: "message of 64 MiB, capture", higher: true, limit: 0.90, unit: "MB/s", turns: 5, take: throughput("BIG", len(what["BIG"]), 1)},
				{name: "5,000 messages of 4 KiB, capture", higher: true, limit: 0.90, unit: "MB/s", turns: 5, take: throughput("MESSAGES", len(what["MESSAGES"]), 2)},
				{name: "20,000 rows of 330 octets, capture", higher: true, limit: 0.90, unit: "MB/s", turns: 5, take: throughput("ROWS", len(what["ROWS"]), 6)},
			},
		},
	} {
		if err := compare(with.title, with.ours, with.theirs, with.measures, rounds, only, dir, rootFile); err != nil {
			return err
		}
	}
	return nil
}

func compare(title string, ours, theirs []string, measures []measure, rounds int, only, dir, rootFile string) error {
	measures = slices.DeleteFunc(slices.Clone(measures), func(m measure) bool { return !strings.Contains(m.name, only) })
	if len(measures) == 0 {
		return nil
	}
	a, err := start(ours...)
	if err != nil {
		return err
	}
	defer a.stop()
	b, err := start(theirs...)
	if err != nil {
		return err
	}
	defer b.stop()
	roots := x509.NewCertPool()
	for _, f := range []string{rootFile, filepath.Join(dir, "ca", "ca.pem")} {
		pem, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		roots.AppendCertsFromPEM(pem)
	}
	fmt.Printf("%s\n%-36s %10s %10s %6s   %-14s %s\n", title, "", "mailtrace", "baseline", "ratio", "spread", "limit")
	for _, m := range measures {
		var mine, bare, ratios []float64
		for round := range rounds + 1 {
			x, y, err := m.round(a, b, roots)
			if err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			if round > 0 { // the first one warms up
				mine, bare, ratios = append(mine, x), append(bare, y), append(ratios, x/y)
			}
		}
		limit := fmt.Sprintf("at most %.2f", m.limit)
		if m.higher {
			limit = fmt.Sprintf("at least %.2f", m.limit)
		}
		fmt.Printf("%-36s %5.0f %-4s %5.0f %-4s %6.2f   %.2f to %.2f   %s\n", m.name, median(mine), m.unit, median(bare), m.unit,
			median(ratios), slices.Min(ratios), slices.Max(ratios), limit)
	}
	fmt.Println()
	return nil
}
