package replay

import (
	"testing"
	"time"
)

// A recording that a client turns out not to be keeps nothing of what the client said.
func TestServeBindsWhatIsPlayedAlone(t *testing.T) {
	script, err := Parse("bind.script", []byte(`@connect a imap
@connect b imap
a @login
a C: a1 UID FETCH ${ua=1} (FLAGS)
a S: * 1 FETCH (UID ${ua} FLAGS (\Seen))
a S: a1 OK
b @login
b C: b1 UID FETCH ${ub=2} (FLAGS)
b S: * 2 FETCH (UID ${ub} FLAGS (\Draft))
b S: b1 OK
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	recs, err := recordingsOf(script)
	if err != nil {
		t.Fatal(err)
	}
	vals := &values{given: map[string]string{"user": "user"}, bound: newBindings()}
	v := &service{Server: &Server{Script: script, Timeout: time.Second}, vals: vals, pool: newPool(recs, vals, false)}
	for _, uid := range [...]string{"7", "8"} {
		s := &session{server: v, proto: IMAP, member: v.pool.join(IMAP)}
		if s.loginStepDue(false) == nil {
			t.Fatal("no login is due")
		}
		text := "UID FETCH " + uid + " (FLAGS)"
		in := &incoming{tag: "x", verb: verbOf(text), elems: octetElems(text), show: text}
		st := v.pool.play(s.member, func(c *candidate, st *step) bool { return st.kind != loginStep && s.takes(c, st, in) })
		if st == nil {
			t.Fatalf("UID FETCH %s: no recording takes it", uid)
		}
	}
}
