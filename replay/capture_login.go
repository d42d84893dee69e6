package replay

import (
	"strings"

	"github.com/mailtrace/mailtrace/decode"
)

// ordinary are the commands that go before a login, or are it: @login says them all.
var ordinary = map[string]bool{
	"CAPABILITY": true, "CAPA": true, "STARTTLS": true, "STLS": true, "LOGIN": true, "AUTHENTICATE": true,
	"USER": true, "PASS": true, "APOP": true, "AUTH": true, "NOOP": true, "ID": true,
}

var logins = map[string]bool{"LOGIN": true, "AUTHENTICATE": true, "PASS": true, "APOP": true, "AUTH": true}

// secretLine writes a client line that carries a secret, and tells whether it is one.
func secretLine(n *entry, a *asked, e *decode.Event, text string) bool {
	say := func(words ...any) bool {
		n.made = Pattern{}
		for _, w := range words {
			switch w := w.(type) {
			case string:
				n.made = append(n.made, Text(w))
			case *Value:
				n.made = append(n.made, w)
			}
		}
		return true
	}
	user, password, sasl := &Value{Name: "user"}, &Value{Name: "password"}, &Value{Name: "sasl"}
	w := strings.Fields(text)
	if e.Kind == decode.Continuation {
		if a.name != "AUTHENTICATE" && a.name != "AUTH" || text == "" || text == "*" {
			return false
		}
		return say(sasl)
	}
	if e.Kind != decode.CommandLine || len(w) == 0 {
		return false
	}
	switch a.name {
	case "LOGIN":
		return say(w[0]+" LOGIN ", user, " ", password)
	case "AUTHENTICATE":
		if len(w) > 3 && w[3] != "=" {
			return say(w[0]+" AUTHENTICATE "+w[2]+" ", sasl)
		}
	case "AUTH":
		if len(w) > 2 && w[2] != "=" {
			return say("AUTH "+w[1]+" ", sasl)
		}
	case "USER":
		return say("USER ", user)
	case "PASS":
		return say("PASS ", password)
	case "APOP":
		return say("APOP ", user, " ", sasl)
	}
	return false
}

// completed looks whether a completion ends something that a directive says better.
func (c *capturer) completed(r *recorded, e *decode.Event, a *asked, n *entry) {
	fine := e.Name == "OK" || e.Name == "+OK"
	switch {
	case a.name == "COMPRESS":
		for _, x := range c.entries {
			x.dropped = x.dropped || x.command == a
		}
	case fine && (a.name == "STARTTLS" || a.name == "STLS"):
		for _, x := range c.entries {
			if x.command != a {
				continue
			}
			if x == a.line {
				*x = entry{conn: r, verb: StartTLS, command: a}
			} else {
				x.dropped = true
			}
		}
		r.tls = true
	case fine && logins[a.name] && !r.login:
		c.loggedIn(r, a)
	}
}

// loggedIn replaces the ordinary way to a login by @starttls and @login.
func (c *capturer) loggedIn(r *recorded, a *asked) {
	var way []*entry
	behind := false
	for _, x := range c.entries {
		if x.conn != r || x.dropped || x.verb == Connect {
			continue
		}
		if x.command != nil && !x.command.wire {
			if !behind {
				return // something else was said before: as it is
			}
			continue
		}
		if x == a.line {
			behind = true
		}
		way = append(way, x)
	}
	r.login = true
	for _, x := range way {
		x.dropped = true
	}
	at := way[0]
	if r.tls {
		*at = entry{conn: r, verb: StartTLS}
		if len(way) == 1 {
			return
		}
		at = way[1]
	}
	*at = entry{conn: r, verb: Login}
}
