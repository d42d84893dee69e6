package pop3_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/pop3"
)

func rewritten(w decode.Rewrite, runs []run, cut func(string) []string) (string, []decode.Edited) {
	r := pop3.NewRewriter(w)
	var out []byte
	var edits []decode.Edited
	for _, x := range runs {
		for _, piece := range cut(x.p) {
			if x.dir == decode.Client {
				r.Client([]byte(piece))
				continue
			}
			var more []decode.Edited
			out, more = r.Server(out, []byte(piece))
			edits = append(edits, more...)
		}
	}
	return string(r.Flush(out)), edits
}

func TestRewriterEditsCapabilityReplies(t *testing.T) {
	capa := "+OK\r\nTOP\r\nSTLS\r\nSASL PLAIN SCRAM-SHA-256-PLUS SCRAM-SHA-256\r\nsasl SCRAM-SHA-1-PLUS\r\nUIDL\r\n.\r\n"
	runs := []run{
		s("+OK STLS\r\n"), c("CAPA\r\nRETR 1\r\n"), s(capa + "+OK\r\nSTLS\r\nSASL SCRAM-SHA-256-PLUS\r\n..\r\n.\r\n"),
		c("UIDL\r\n"), s("+OK\r\n1 STLS\r\n.\r\n"), c("CAPA\r\n"), s("+OK\r\nUIDL\r\n.\r\n"),
	}
	for _, x := range []struct {
		name  string
		w     decode.Rewrite
		want  string
		edits []decode.Edited
	}{
		{"nothing", decode.Rewrite{}, joined(runs, decode.Server), nil},
		{
			"remove",
			decode.Rewrite{RemoveStartTLS: true, Hide: []string{"auth=*-plus", "UI*"}},
			"+OK STLS\r\n+OK\r\nTOP\r\nSASL PLAIN SCRAM-SHA-256\r\n.\r\n+OK\r\nSTLS\r\nSASL SCRAM-SHA-256-PLUS\r\n..\r\n.\r\n+OK\r\n1 STLS\r\n.\r\n+OK\r\n.\r\n",
			[]decode.Edited{
				{Before: "STLS", What: "removed STLS"},
				{Before: "SASL PLAIN SCRAM-SHA-256-PLUS SCRAM-SHA-256", After: "SASL PLAIN SCRAM-SHA-256", What: "hid auth=*-plus"},
				{Before: "sasl SCRAM-SHA-1-PLUS", What: "hid auth=*-plus"},
				{Before: "UIDL", What: "hid UI*"},
				{Before: "UIDL", What: "hid UI*"},
			},
		},
		{
			"add",
			decode.Rewrite{AddStartTLS: true},
			"+OK STLS\r\n" + capa + "+OK\r\nSTLS\r\nSASL SCRAM-SHA-256-PLUS\r\n..\r\n.\r\n+OK\r\n1 STLS\r\n.\r\n+OK\r\nUIDL\r\nSTLS\r\n.\r\n",
			[]decode.Edited{{After: "STLS", What: "added STLS"}},
		},
	} {
		for name, cut := range map[string]func(string) []string{"whole": whole, "octets": octets} {
			got, edits := rewritten(x.w, runs, cut)
			if d := cmp.Diff(x.want, got); d != "" {
				t.Errorf("%s, %s: %s", x.name, name, d)
			}
			if d := cmp.Diff(x.edits, edits); d != "" {
				t.Errorf("%s, %s: %s", x.name, name, d)
			}
		}
	}
}

func TestRewriterBehindTLS(t *testing.T) {
	r := pop3.NewRewriter(decode.Rewrite{RemoveStartTLS: true})
	server := func(p string) string {
		out, _ := r.Server(nil, []byte(p))
		return string(out)
	}
	server("+OK\r\n")
	r.Client([]byte("STLS\r\n"))
	server("+OK\r\n")
	r.Reset(decode.Rewrite{AddStartTLS: true})
	r.Client([]byte("CAPA\r\n"))
	if got := server("+OK\r\nTOP\r\nLO"); got != "+OK\r\nTOP\r\n" {
		t.Errorf("got %q", got)
	}
	if got := string(r.Flush(nil)); got != "LO" {
		t.Errorf("flushed %q", got)
	}
	if got := server("ST\r\n.\r\n"); got != "ST\r\nSTLS\r\n.\r\n" {
		t.Errorf("got %q behind Flush", got)
	}
}
