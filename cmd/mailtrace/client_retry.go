package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/mailtrace/mailtrace/internal/client"
)

// pauses are how long a login waits that the server asked to come back later.
var pauses = []time.Duration{time.Second, 3 * time.Second, 9 * time.Second}

// dialIMAP connects to an IMAP server and logs in; a server that is busy for a moment is asked again.
func (w *wiring) dialIMAP(ctx context.Context, cfg client.Config) (*client.IMAP, error) {
	return again(ctx, w, cfg, client.DialIMAP)
}

// dialPOP3 is dialIMAP for POP3.
func (w *wiring) dialPOP3(ctx context.Context, cfg client.Config) (*client.POP3, error) {
	return again(ctx, w, cfg, client.DialPOP3)
}

func again[T any](ctx context.Context, w *wiring, cfg client.Config, dial func(context.Context, client.Config) (T, error)) (T, error) {
	for try := 0; ; try++ {
		session, err := dial(ctx, cfg)
		if err == nil || !passing(err) || try == len(pauses) {
			return session, err
		}
		w.u.warn("%s; trying again in %v", words(err), pauses[try])
		select {
		case <-time.After(pauses[try]):
		case <-ctx.Done():
			return session, err
		}
		if w.trace != nil {
			cfg.Observer = w.trace.open(cfg.URL.Protocol)
		}
	}
}

// passing tells whether an error may be gone in a moment: the server says so (RFC 5530 §3 UNAVAILABLE and
// INUSE, RFC 2449 §8.1 IN-USE and LOGIN-DELAY, SYS/TEMP), or has too many connections just now. A wrong password is
// never tried again: some servers count.
func passing(err error) bool {
	var refused *client.ServerError
	var bye *client.ByeError
	switch {
	case errors.As(err, &refused):
		return refused.Temporary()
	case errors.As(err, &bye):
		return strings.Contains(strings.ToLower(bye.Text), "too many")
	}
	return false
}
