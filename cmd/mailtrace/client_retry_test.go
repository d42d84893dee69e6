package main

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/internal/client"
)

// A login is tried again where the server says that it may work later, and never where a password is wrong.
func TestAgain(t *testing.T) {
	before := pauses
	pauses = []time.Duration{time.Millisecond, time.Millisecond, time.Millisecond}
	defer func() { pauses = before }()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, c := range []struct {
		name string
		errs []error
		want int
	}{
		{"well", nil, 1},
		{"in use, then well", []error{&client.ServerError{Command: "PASS", Code: "IN-USE"}}, 2},
		{"unavailable", []error{unavailable, unavailable, unavailable, unavailable, unavailable}, 4},
		{"too many", []error{&client.ByeError{Text: "Too many connections"}}, 2},
		{"goodbye", []error{&client.ByeError{Text: "shutting down"}}, 1},
		{"wrong password", []error{&client.AuthError{ServerError: client.ServerError{Code: "AUTHENTICATIONFAILED"}}}, 1},
		{"login delay", []error{&client.AuthError{ServerError: client.ServerError{Code: "LOGIN-DELAY"}}}, 2},
		{"closed", []error{&client.ClosedError{Err: io.EOF}}, 1},
		{"another", []error{errors.New("x")}, 1},
	} {
		w := &wiring{u: newUI(null, null)}
		n := 0
		_, err := again(t.Context(), w, client.Config{}, func(context.Context, client.Config) (int, error) {
			if n++; n <= len(c.errs) {
				return 0, c.errs[n-1]
			}
			return 1, nil
		})
		if n != c.want || (err == nil) != (n > len(c.errs)) {
			t.Errorf("%s: tried %d times, want %d: %v", c.name, n, c.want, err)
		}
	}
}

var unavailable = &client.ServerError{Command: "LOGIN", Code: "UNAVAILABLE"}
