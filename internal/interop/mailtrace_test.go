//go:build interop

package interop

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// buildMailtrace builds the program that everything else here is about.
func buildMailtrace(dir string) (string, error) {
	binary := filepath.Join(dir, "mailtrace")
	args := []string{"build", "-o", binary}
	if os.Getenv("MAILTRACE_RACE") != "" {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "github.com/mailtrace/mailtrace/cmd/mailtrace")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return binary, nil
}

// caDir is the directory of the CA that all proxies here share.
func caDir() string { return filepath.Join(lab.dir, "ca") }

// proxyCA is what clients trust when they come through a proxy.
func proxyCA() string { return filepath.Join(caDir(), "ca.pem") }

// proxyOptions say how a proxy is started. Its CA and the roots of the servers are given
// to it always.
type proxyOptions struct {
	upstreams []string // URLs
	listen    []string // schemes, one for each upstream
	socks     bool
	noCapture bool
	noServer  bool // do not trust the servers' root
	format    string
	flags     []string
	namespace bool // under a hosts file that knows otherName
}

// proxyRun is a `mailtrace proxy` that was started.
type proxyRun struct {
	cmd            *exec.Cmd
	dir            string
	stdout, stderr string // files
	capture        string // file, "" without
	format         string
	ports          []int // by listener; SOCKS last
	exited         chan error
	stopped        bool
}

var listening = regexp.MustCompile(`(?m)^mailtrace: listening on (\S+?),?(?: .*)?$`)

// startProxy starts a proxy and waits until it listens.
func startProxy(t *testing.T, o proxyOptions) *proxyRun {
	t.Helper()
	dir := t.TempDir()
	r := &proxyRun{
		dir: dir, stdout: filepath.Join(dir, "stdout"), stderr: filepath.Join(dir, "stderr"),
		format: o.format, exited: make(chan error, 1),
	}
	args := []string{"proxy", "--ca-dir", caDir()}
	if r.format == "" {
		r.format = "json"
	}
	args = append(args, "--format", r.format)
	if !o.noServer {
		args = append(args, "--tls-ca", lab.certs.ca)
	}
	if !o.noCapture {
		r.capture = filepath.Join(dir, "c.pcapng")
		args = append(args, "--capture", r.capture)
	}
	for _, scheme := range o.listen {
		args = append(args, "--listen", scheme+"://127.0.0.1:0")
	}
	want := len(o.listen)
	if o.socks {
		args = append(args, "--socks", "127.0.0.1:0")
		want++
	}
	args = append(append(args, o.flags...), o.upstreams...)
	r.cmd = exec.Command(lab.binary, args...)
	if o.namespace {
		r.cmd = inNamespace(t, lab.binary, args...)
	}
	r.cmd.Stdout, r.cmd.Stderr = create(t, r.stdout), create(t, r.stderr)
	if err := startBound(r.cmd, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	go func() { r.exited <- r.cmd.Wait() }()
	t.Cleanup(func() {
		if !r.stopped {
			r.cmd.Process.Kill()
			<-r.exited
		}
		if t.Failed() {
			t.Logf("%s\n%s", strings.Join(r.cmd.Args, " "), bounded(contents(t, r.stderr)))
		}
	})
	eventually(t, "the listeners of mailtrace proxy", func() bool {
		select {
		case err := <-r.exited:
			r.stopped = true
			t.Fatalf("mailtrace proxy ended early: %v\n%s", err, contents(t, r.stderr))
		default:
		}
		return len(listening.FindAllString(contents(t, r.stderr), -1)) >= want
	})
	for _, m := range listening.FindAllStringSubmatch(contents(t, r.stderr), -1) {
		at := m[1]
		if _, address, ok := strings.Cut(at, "://"); ok {
			at = address
		}
		_, port, err := net.SplitHostPort(at)
		if err != nil {
			t.Fatalf("listening on %q: %v", m[1], err)
		}
		n, err := strconv.Atoi(port)
		if err != nil {
			t.Fatal(err)
		}
		r.ports = append(r.ports, n)
	}
	return r
}

// inNamespace makes a command that sees a hosts file in which otherName is 127.0.0.1. The
// machine's own hosts file is not touched.
func inNamespace(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	hosts := write(t, t.TempDir(), "hosts", "127.0.0.1 localhost "+otherName+" wrong."+otherName+"\n")
	if err := os.Chmod(hosts, 0o644); err != nil {
		t.Fatal(err)
	}
	unshare := []string{"--mount"}
	if os.Getuid() != 0 {
		unshare = append(unshare, "--map-root-user")
	}
	script := `mount --bind "$0" /etc/hosts && exec "$@"`
	return exec.Command("unshare", append(append(unshare, "sh", "-c", script, hosts, name), args...)...)
}

// summary is the line at the end: connections, of them failed, commands.
var summary = regexp.MustCompile(`(?m)^mailtrace: (\d+) connections?(?: \((\d+) failed\))?, (\d+) commands?\b`)

// stop ends the proxy as ^C does, and checks how it ends.
func (r *proxyRun) stop(t *testing.T) {
	t.Helper()
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-r.exited:
		r.stopped = true
		if err != nil {
			t.Errorf("after SIGINT: expected exit 0, got %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("mailtrace proxy did not end on SIGINT")
	}
	text := contents(t, r.stderr)
	if !summary.MatchString(text) {
		t.Errorf("no summary line in:\n%s", bounded(text))
	}
	if strings.Contains(text, "DATA RACE") || strings.Contains(text, "goroutine 1 [") {
		t.Errorf("mailtrace broke:\n%s", bounded(text))
	}
}

// finish stops the proxy and checks everything that has to hold for what it wrote.
func (r *proxyRun) finish(t *testing.T) []event {
	t.Helper()
	r.stop(t)
	r.keep(t)
	if r.capture == "" {
		r.noSecrets(t, dissection{})
		return nil
	}
	theirs := dissect(t, r.capture)
	r.noSecrets(t, theirs)
	shown := show(t, r.capture)
	if r.format == "json" {
		sameEvents(t, events(t, contents(t, r.stdout)), shown)
	}
	agreesWithTshark(t, theirs, shown)
	return shown
}

// keep copies what a run wrote to where the environment says.
func (r *proxyRun) keep(t *testing.T) {
	t.Helper()
	to := os.Getenv("MAILTRACE_KEEP")
	if to == "" {
		return
	}
	name := strings.NewReplacer("/", "-", "+", "-").Replace(t.Name())
	for _, file := range []string{r.capture, r.stdout, r.stderr} {
		if file != "" {
			mkdir(t, to)
			copyFile(t, file, filepath.Join(to, name+"."+filepath.Base(file)))
		}
	}
}

// through is a target that leads through the proxy's listener i.
func (r *proxyRun) through(i int, protocol, leg string, a account) target {
	return target{protocol: protocol, leg: leg, host: "localhost", port: r.ports[i], ca: proxyCA(), account: a}
}

// scheme gives the URL scheme of a protocol and a leg.
func scheme(protocol, leg string) string {
	switch leg {
	case "tls":
		return protocol + "s"
	case "starttls":
		return protocol + "+starttls"
	}
	return protocol
}

// url gives the URL of a server for the proxy.
func (s *server) url(protocol, leg string) string {
	return fmt.Sprintf("%s://%s:%d", scheme(protocol, leg), s.host(), s.port(protocol, leg))
}

// mailtrace runs a subcommand to its end.
func mailtrace(t *testing.T, args ...string) execution {
	t.Helper()
	return execute(t, lab.binary, args...)
}

// show gives the events of a capture.
func show(t *testing.T, file string) []event {
	t.Helper()
	x := mailtrace(t, "show", "--format", "json", file)
	if x.Code != 0 {
		t.Fatalf("mailtrace show: exit %d\n%s", x.Code, x.Stderr)
	}
	return events(t, x.Stdout)
}

func create(t *testing.T, file string) *os.File {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func contents(t *testing.T, file string) string {
	t.Helper()
	p, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(p)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	p := []byte(contents(t, from))
	if old, err := os.ReadFile(to); err == nil && bytes.Equal(old, p) {
		return
	}
	if err := os.WriteFile(to, p, 0o644); err != nil {
		t.Fatal(err)
	}
}
