package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailtrace/mailtrace/internal/mailserver"
	"github.com/mailtrace/mailtrace/replay"
)

// jobSteps gives the run: lines of the README's job.
func jobSteps(t *testing.T) (runs []string) {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, job, _ := strings.Cut(string(text), "```yaml\n")
	job, _, _ = strings.Cut(job, "```")
	for line := range strings.Lines(job) {
		if run, ok := strings.CutPrefix(strings.TrimSpace(line), "- run: "); ok {
			runs = append(runs, run)
		}
	}
	return runs
}

// TestReadmeJob runs the README's job: its client is mailtrace replay, its server the embedded one,
// and what it installs is this module.
func TestReadmeJob(t *testing.T) {
	runs := jobSteps(t)
	if len(runs) != 4 {
		t.Fatalf("found the steps %q", runs)
	}
	server := demoServer(t)
	dir := t.TempDir()
	recordInbox(t, filepath.Join(dir, "testdata", "inbox.pcapng"), server)
	supply := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "testdata", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fetch := func(file string) string {
		return "exec mailtrace replay " + file + ` --user u1 --to "$MAILTRACE_URL" --tls-ca "$MAILTRACE_CA"` + "\n"
	}
	supply("fetch.sh", fetch("testdata/inbox.pcapng"))
	supply("start-server.sh", "# it is there\n")
	supply("other.script", "@connect a imap\n@login\nC: a1 SELECT Elsewhere\nS: a1 OK\n")

	bin := filepath.Join(dir, "bin")
	env := append(os.Environ(), "GOBIN="+bin, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		"XDG_CONFIG_HOME="+filepath.Join(dir, "config"), "SERVER="+server, "MAILTRACE_PASSWORD=secret")
	step := func(run, in string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "sh", "-ec", run)
		cmd.Dir, cmd.Env = in, env
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, run := range runs {
		in := dir
		if strings.HasPrefix(run, "go install ") {
			run, in = strings.TrimSuffix(run, "@latest"), "../.."
		}
		if out, err := step(run, in); err != nil {
			t.Fatalf("%s: %v\n%s", run, err, out)
		}
	}
	if report, err := os.ReadFile(filepath.Join(dir, "replay.xml")); err != nil || !strings.Contains(string(report), `failures="0" skipped="0"`) {
		t.Errorf("the JUnit report: %v\n%s", err, report)
	}

	// A client that asks for something else fails the job, and GitHub is told where.
	supply("fetch.sh", fetch("testdata/other.script"))
	if out, err := step(runs[1], dir); err == nil || !strings.Contains(out, "::error ") || !strings.Contains(out, "Elsewhere") {
		t.Errorf("another client: %v\n%s", err, out)
	}
}

// demoServer is an IMAP server with the demo's messages.
func demoServer(t *testing.T) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &mailserver.Server{Store: mailserver.NewStore(mailserver.DemoMessages()), Users: map[string]string{"u1": "secret"}}
	served := make(chan error, 1)
	go func() { served <- s.ServeIMAP(l) }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		<-served
	})
	return "imap://u1@" + l.Addr().String()
}

// recordInbox makes a capture of the textbook session.
func recordInbox(t *testing.T, path, server string) {
	t.Helper()
	t.Run("record", func(t *testing.T) {
		s := replay.NewServer(t, path, replay.WithMode(replay.RecordOnce), replay.WithUpstream(server, nil))
		replay.Drive(t, "../../captures/samples/imap-textbook.script", s.URL, replay.WithLogin("u1", "secret"), replay.WithRoots(s.Roots))
	})
}
