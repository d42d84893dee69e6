package replay_test

import (
	"net"
	"strings"
	"testing"

	"github.com/mailtrace/mailtrace/internal/mailserver"
	"github.com/mailtrace/mailtrace/replay"
)

// textbooks are the sessions that the RFCs end with, as scripts.
var textbooks = map[replay.Protocol]string{
	replay.POP3: "../captures/samples/pop3-textbook.script",
	replay.IMAP: "../captures/samples/imap-textbook.script",
}

// The textbook sessions run both ways: one side of each script talks to the other.
func TestTextbookBothWays(t *testing.T) {
	for protocol, path := range textbooks {
		for _, scheme := range []string{"", "s", "+starttls"} {
			t.Run(string(protocol)+scheme, func(t *testing.T) {
				s := replay.NewServer(t, path, replay.AllConsumed(), replay.WithLogin("u1", "swordfish"), replay.WithScheme(string(protocol)+scheme))
				r := replay.Drive(t, path, s.URL, replay.WithLogin("u1", "swordfish"), replay.WithRoots(s.Roots), replay.AllowChanges())
				if r.Same < 5 || r.Fails() {
					t.Errorf("the client says\n%s", r)
				}
			})
		}
	}
}

// As the client they run against a live server with the same messages, and tell what is
// different where it has others.
func TestTextbookLive(t *testing.T) {
	same := mailserver.DemoMessages()
	changed := mailserver.DemoMessages()
	changed[0].Octets = []byte(strings.Replace(string(changed[0].Octets), "Welcome", "Goodbye", 1))
	missing := mailserver.DemoMessages()[1:]
	for _, c := range []struct {
		name     string
		messages []mailserver.Message
		want     map[replay.Protocol]string
	}{
		{"same", same, nil},
		{"another subject", changed, map[replay.Protocol]string{replay.POP3: "FAIL #1 RETR 1", replay.IMAP: "FAIL #1 a003 FETCH 1 ALL"}},
		{"a message is missing", missing, map[replay.Protocol]string{replay.POP3: "FAIL #1 STAT", replay.IMAP: "FAIL #1 a002 SELECT INBOX"}},
	} {
		for protocol, path := range textbooks {
			t.Run(c.name+"/"+string(protocol), func(t *testing.T) {
				url := live(t, protocol, c.messages)
				said := run(t, func(t replay.TB) {
					replay.Drive(t, path, url, replay.WithLogin("u1", "swordfish"), replay.AllowChanges())
				})
				if want := c.want[protocol]; !strings.Contains(said, want) || (said == "") != (want == "") {
					t.Errorf("want %q, got\n%s", want, said)
				}
			})
		}
	}
}

// live is an embedded server, in clear, with these messages.
func live(t *testing.T, protocol replay.Protocol, messages []mailserver.Message) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &mailserver.Server{Store: mailserver.NewStore(messages), Users: map[string]string{"u1": "swordfish"}}
	serve := s.ServeIMAP
	if protocol == replay.POP3 {
		serve = s.ServePOP3
	}
	served := make(chan error, 1)
	go func() { served <- serve(l) }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		<-served
	})
	return string(protocol) + "://u1@" + l.Addr().String()
}
