package replay_test

import (
	"crypto/tls"
	"fmt"
	"net/textproto"
	"os"

	"github.com/mailtrace/mailtrace/replay"
)

// count is the mail client that is tested: it asks how many messages there are.
func count(addr string, config *tls.Config) (n, octets int, err error) {
	conn, err := tls.Dial("tcp", addr, config)
	if err != nil {
		return 0, 0, err
	}
	c := textproto.NewConn(conn)
	defer c.Close()
	for _, command := range []string{"", "USER u1", "PASS any", "STAT", "QUIT"} {
		if command != "" {
			if err := c.PrintfLine("%s", command); err != nil {
				return 0, 0, err
			}
		}
		line, err := c.ReadLine()
		if err != nil {
			return 0, 0, err
		}
		if command == "STAT" {
			if _, err := fmt.Sscanf(line, "+OK %d %d", &n, &octets); err != nil {
				return 0, 0, err
			}
		}
	}
	return n, octets, nil
}

// A mail client is tested against a recording. In a test of yours, t is the test's *testing.T, and
// the first three lines are all there is to it.
func ExampleNewServer() {
	t := newT()
	s := replay.NewServer(t, "testdata/stat.script", replay.AllConsumed())
	n, octets, err := count(s.Addr, s.TLSConfig())
	fmt.Println(n, octets, err)

	// A client that asks for more than is recorded makes the test fail.
	s = replay.NewServer(t, "testdata/stat.script")
	_, err = fetch(s, "any", "1")
	fmt.Println(err != nil)
	t.end()
	// Output:
	// 3 4711 <nil>
	// true
	// FAIL #1 RETR 1                                                         testdata/stat.script:5
	//      was not recorded here
	//      expected STAT
	//      got      RETR 1
}

// newT stands for the *testing.T of a test.
func newT() *printedT {
	dir, err := os.MkdirTemp("", "replay-example-")
	if err != nil {
		panic(err)
	}
	t := &printedT{fakeT{dir: dir}}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // what is left of it harms nobody
	return t
}

type printedT struct{ fakeT }

func (p *printedT) Errorf(format string, args ...any) { fmt.Printf(format, args...) }

func (p *printedT) end() {
	for i := len(p.cleanups) - 1; i >= 0; i-- {
		p.cleanups[i]()
	}
}
