//go:build interop

package interop

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/flate"
)

// talk is a client's side of an IMAP connection, spoken command by command.
type talk struct {
	t      *testing.T
	conn   net.Conn
	r      *bufio.Reader
	w      io.Writer
	flush  func() error
	tags   int
	last   string            // command
	offers map[string]bool   // capabilities, in upper case
	vars   map[string]string // what stands for $NAME in commands
}

// startTalk logs in and asks for the capabilities and for how mailboxes are named.
func startTalk(t *testing.T, port int, a account) *talk {
	t.Helper()
	c := dialRaw(t, port, proxyCA())
	k := &talk{t: t, conn: c, r: bufio.NewReader(c), w: c, flush: func() error { return nil }, vars: map[string]string{}}
	k.response()
	k.must(fmt.Sprintf("LOGIN {%d}\r\n%s {%d}\r\n%s", len(a.user), a.user, len(a.password), a.password))
	k.capabilities()
	if k.offers["NAMESPACE"] {
		k.must("NAMESPACE")
	}
	k.must(`LIST "" ""`)
	return k
}

func (k *talk) capabilities() {
	k.t.Helper()
	k.offers = map[string]bool{}
	for _, line := range k.must("CAPABILITY") {
		if rest, ok := strings.CutPrefix(line, "* CAPABILITY "); ok {
			for name := range strings.FieldsSeq(strings.ToUpper(rest)) {
				k.offers[name] = true
			}
		}
	}
}

// response reads one response, with its literals.
func (k *talk) response() string {
	k.t.Helper()
	var whole strings.Builder
	for {
		line, err := k.r.ReadString('\n')
		if err != nil {
			k.t.Fatalf("%q: after %q: %v", bounded(k.last), bounded(whole.String()+line), err)
		}
		whole.WriteString(line)
		n := announced(line)
		if n < 0 {
			return strings.TrimSuffix(whole.String(), "\r\n")
		}
		if _, err := io.CopyN(&whole, k.r, int64(n)); err != nil {
			k.t.Fatal(err)
		}
	}
}

// announcement is how a line tells of a literal that follows.
var announcement = regexp.MustCompile(`\{(\d+)\+?\}\r\n$`)

func announced(line string) int {
	m := announcement.FindStringSubmatch(line)
	if m == nil {
		return -1
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return -1
	}
	return n
}

func (k *talk) write(octets string) {
	k.t.Helper()
	if _, err := io.WriteString(k.w, octets); err != nil {
		k.t.Fatal(err)
	}
	if err := k.flush(); err != nil {
		k.t.Fatal(err)
	}
}

// say sends a command, its literals as the server asks for them, and reads up to its
// completion, which it gives beside the untagged responses.
func (k *talk) say(command string) (untagged []string, completion string) {
	k.t.Helper()
	tag := k.send(command)
	return k.await(tag)
}

// send writes a command up to its end and gives its tag.
func (k *talk) send(command string) (tag string) {
	k.t.Helper()
	k.tags++
	tag = "t" + strconv.Itoa(k.tags)
	k.last = k.expand(command)
	left := tag + " " + k.last + "\r\n"
	for {
		eol := strings.Index(left, "\r\n") + 2
		line := left[:eol]
		k.write(line)
		left = left[eol:]
		n := announced(line)
		if n < 0 {
			if left != "" {
				k.t.Fatalf("%q is more than one command", bounded(command))
			}
			return tag
		}
		if !strings.HasSuffix(line, "+}\r\n") {
			for {
				r := k.response()
				if strings.HasPrefix(r, "+") {
					break
				}
				if strings.HasPrefix(r, tag+" ") {
					k.t.Fatalf("%s: the literal was refused: %s", bounded(command), r)
				}
			}
		}
		k.write(left[:n])
		left = left[n:]
	}
}

// await reads up to a tag's completion.
func (k *talk) await(tag string) (untagged []string, completion string) {
	k.t.Helper()
	for {
		r := k.response()
		if rest, ok := strings.CutPrefix(r, tag+" "); ok {
			k.learn(append(untagged, r))
			return untagged, rest
		}
		untagged = append(untagged, r)
	}
}

// learned are the values that later commands refer to.
var learned = map[string]*regexp.Regexp{
	"UIDVALIDITY": regexp.MustCompile(`\[UIDVALIDITY (\d+)\]`),
	"UIDNEXT":     regexp.MustCompile(`\[UIDNEXT (\d+)\]`),
	"MODSEQ":      regexp.MustCompile(`\[HIGHESTMODSEQ (\d+)\]`),
	"QUOTAROOT":   regexp.MustCompile(`^\* QUOTAROOT (?:"[^"]*"|\S+) ("[^"]*"|\S+)`),
	"PREFIX":      regexp.MustCompile(`^\* NAMESPACE \(\("([^"]*)"`),
	"DELIMITER":   regexp.MustCompile(`^\* NAMESPACE \(\("[^"]*" "(.)"`),
}

func (k *talk) learn(responses []string) {
	for _, r := range responses {
		for name, form := range learned {
			if m := form.FindStringSubmatch(r); m != nil {
				k.vars[name] = m[1]
			}
		}
	}
}

// expand puts in what was learned: ${NAME}.
func (k *talk) expand(command string) string {
	for name, value := range k.vars {
		command = strings.ReplaceAll(command, "${"+name+"}", value)
	}
	if strings.Contains(command, "${") {
		k.t.Fatalf("%s: nothing told what stands there", bounded(command))
	}
	return command
}

// must is say for a command that has to succeed.
func (k *talk) must(command string) []string {
	k.t.Helper()
	untagged, completion := k.say(command)
	if !strings.HasPrefix(completion, "OK") {
		k.t.Errorf("%s: %s", bounded(k.expand(command)), completion)
	}
	return untagged
}

// has tells whether all of the space-separated capabilities are offered; "!X" wants that X
// is not.
func (k *talk) has(capabilities string) bool {
	for name := range strings.FieldsSeq(capabilities) {
		if name, not := strings.CutPrefix(name, "!"); k.offers[name] == not {
			return false
		}
	}
	return true
}

// compress goes on under COMPRESS=DEFLATE (RFC 4978 §3).
func (k *talk) compress() {
	k.t.Helper()
	k.must("COMPRESS DEFLATE")
	k.r = bufio.NewReader(flate.NewReaderOpts(k.r, flate.WithPartialBlock()))
	w, err := flate.NewWriter(k.conn, flate.DefaultCompression)
	if err != nil {
		k.t.Fatal(err)
	}
	k.w, k.flush = w, w.Flush
}

// logout ends the connection and checks that the server does.
func (k *talk) logout() {
	k.t.Helper()
	k.must("LOGOUT")
	if p, err := io.ReadAll(k.conn); err != nil || len(p) > 0 && k.w == io.Writer(k.conn) {
		k.t.Errorf("after LOGOUT: %q, %v", p, err)
	}
}
