package mailserver

import (
	"crypto/md5"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// userName takes the name for PASS (RFC 1939 §7).
func (p *pop3Session) userName(argument string) error {
	switch {
	case !p.mayLogin():
		return p.err("[AUTH] TLS is required")
	case argument == "":
		return p.err("USER takes a name")
	}
	p.user = argument
	return p.ok("")
}

// pass takes the password: all that follows, spaces too (RFC 1939 §7).
func (p *pop3Session) pass(argument string) error {
	user := p.user
	p.user = ""
	if user == "" {
		return p.refuse("USER first")
	}
	return p.enter(p.server.login(user, argument))
}

// apop compares the digest of timestamp and password (RFC 1939 §7).
func (p *pop3Session) apop(argument string) error {
	switch {
	case p.stamp == "":
		return p.refuse("APOP is not offered")
	case !p.mayLogin():
		return p.err("[AUTH] TLS is required")
	}
	user, digest, ok := strings.Cut(argument, " ")
	if !ok {
		return p.err("APOP takes a name and a digest")
	}
	password, known := p.server.Users[user]
	want := fmt.Sprintf("%x", md5.Sum([]byte(p.stamp+password)))
	return p.enter(subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(digest))) == 1 && known)
}

// auth runs SASL PLAIN, with an initial response or without (RFC 5034 §4).
func (p *pop3Session) auth(argument string) error {
	if !p.mayLogin() {
		return p.err("[AUTH] TLS is required")
	}
	mech, initial, has := strings.Cut(argument, " ")
	if !strings.EqualFold(mech, "PLAIN") {
		return p.err("only PLAIN is known")
	}
	if !has {
		if err := p.say("+ "); err != nil {
			return err
		}
		line, err := p.line(saslLimit)
		switch {
		case errors.Is(err, errLong):
			return p.err("response too long")
		case err != nil:
			return err
		case line == "*":
			return p.err("cancelled")
		}
		initial = line
	}
	raw, err := base64.StdEncoding.DecodeString(initial)
	if err != nil {
		return p.err("not base64")
	}
	fields := strings.Split(string(raw), "\x00") // RFC 4616 §2: authzid NUL authcid NUL passwd
	if len(fields) != 3 || fields[0] != "" && fields[0] != fields[1] {
		return p.err("[AUTH] not a PLAIN response for one user")
	}
	return p.enter(p.server.login(fields[1], fields[2]))
}

// enter opens the maildrop after a login.
func (p *pop3Session) enter(ok bool) error {
	if !ok {
		return p.refuse("[AUTH] name or password is wrong")
	}
	drop, err := p.server.Store.openMaildrop()
	if err != nil {
		return p.err("[SYS/TEMP] %s", words(err))
	}
	if drop == nil {
		return p.err("[IN-USE] another session has the maildrop")
	}
	p.drop, p.state = drop, transaction
	n, octets := drop.total()
	return p.ok("%d messages, %d octets", n, octets)
}
