package oauth

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// browse is a browser whose user allows everything. What it gets to see goes to pages.
func browse(t *testing.T, pages chan<- string) func(string) error {
	return func(to string) error {
		go func() {
			r, err := http.Get(to)
			if err != nil {
				t.Error(err)
				pages <- ""
				return
			}
			defer r.Body.Close()
			text, _ := io.ReadAll(r.Body)
			pages <- r.Status + " " + string(text)
		}()
		return nil
	}
}

func TestConsentThenKept(t *testing.T) {
	is := newIssuer()
	o, told := serve(t, is)
	pages := make(chan string, 1)
	o.Browser = browse(t, pages)
	token, err := Token(t.Context(), o)
	if err != nil || token != "access-1" {
		t.Fatal(token, err)
	}
	if page := <-pages; !strings.HasPrefix(page, "200 OK") || strings.Contains(page, "code-1") {
		t.Error(page)
	}
	for _, secret := range []string{"access-", "refresh-", "code-1"} {
		if strings.Contains(told.all(), secret) {
			t.Errorf("%s is told: %s", secret, told.all())
		}
	}
	// The next call asks nobody.
	o.Browser, o.Say = nil, nil
	if token, err = Token(t.Context(), o); err != nil || token != "access-1" {
		t.Error(token, err)
	}
	if is.consents != 1 || is.granted != 1 {
		t.Error(is.consents, is.granted)
	}
	// Others have no token, and nobody to ask.
	for _, other := range []func(*Options){func(o *Options) { o.User = "u2" }, func(o *Options) { o.ClientID = "c2" }} {
		o := o
		other(&o)
		var e *Error
		if token, err := Token(t.Context(), o); !errors.As(err, &e) || e.Hint() == "" {
			t.Error(token, err)
		}
	}
	files, err := filepath.Glob(filepath.Join(o.Dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if runtime.GOOS != "windows" {
		if info, err := os.Stat(files[0]); err != nil || info.Mode().Perm() != 0o600 {
			t.Error(info, err)
		}
		if info, err := os.Stat(o.Dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Error(info, err)
		}
		if err := os.Chmod(files[0], 0o644); err != nil {
			t.Fatal(err)
		}
		var e *Error
		if token, err := Token(t.Context(), o); !errors.As(err, &e) || !strings.Contains(e.Hint(), "chmod 600") {
			t.Error(token, err)
		}
	}
	// What is cut off is as nothing.
	if err := os.WriteFile(files[0], []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(files[0], 0o600); err != nil {
		t.Fatal(err)
	}
	if token, err := Token(t.Context(), o); err == nil {
		t.Error(token)
	}
	if err := Refused(o); err != nil {
		t.Error(err)
	}
}

func TestRefresh(t *testing.T) {
	is := newIssuer()
	// One that a server refused, before it has expired.
	o, _ := serve(t, is)
	pages := make(chan string, 2)
	o.Browser = browse(t, pages)
	if token, err := Token(t.Context(), o); err != nil || token != "access-1" {
		t.Fatal(token, err)
	}
	if err := errors.Join(Refused(o), Refused(o)); err != nil {
		t.Error(err)
	}
	is.lifetime = 30 // less than a login takes, so it counts as expired
	for _, want := range []string{"access-2", "access-3", "access-4"} {
		if token, err := Token(t.Context(), o); err != nil || token != want {
			t.Fatal(token, err)
		}
	}
	if is.consents != 1 {
		t.Errorf("%d consents", is.consents)
	}
	// Refused: a new consent.
	clear(is.refreshes)
	if token, err := Token(t.Context(), o); err != nil || token != "access-5" || is.consents != 2 {
		t.Error(token, err, is.consents)
	}
	// With nobody to ask it says so.
	clear(is.refreshes)
	o.Say = nil
	if token, err := Token(t.Context(), o); err == nil || !strings.Contains(err.Error(), "nobody to ask") {
		t.Error(token, err)
	}
	// Another trouble is none of the user's consent.
	is.answer, is.status = map[string]any{"error": "temporarily_unavailable"}, 503
	if token, err := Token(t.Context(), o); err == nil || !strings.Contains(err.Error(), "temporarily_unavailable") {
		t.Error(token, err)
	}
}

// A client that has a secret says it.
func TestSecret(t *testing.T) {
	is := newIssuer()
	is.secret = "swordfish"
	o, told := serve(t, is)
	pages := make(chan string, 2)
	o.Browser = browse(t, pages)
	if token, err := Token(t.Context(), o); err == nil || !strings.Contains(err.(*Error).Hint(), "MAILTRACE_CLIENT_SECRET") {
		t.Error(token, err)
	}
	o.ClientSecret = "swordfish"
	if token, err := Token(t.Context(), o); err != nil || token != "access-1" || strings.Contains(told.all(), "swordfish") {
		t.Error(token, err)
	}
}

// A refresh token is used up by another process, which kept what it got.
func TestRefreshedMeanwhile(t *testing.T) {
	is := newIssuer()
	o, _ := serve(t, is)
	f, err := newFlow(o)
	if err != nil {
		t.Fatal(err)
	}
	old := kept{Access: "old", Refresh: "used", Expiry: time.Now()}
	if err := f.save(kept{Access: "theirs", Refresh: "next", Expiry: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if token, err := f.refresh(t.Context(), old); err != nil || token != "theirs" {
		t.Error(token, err)
	}
}

// An answer with another state is refused, and does not end the login; nor does what browsers ask besides.
func TestState(t *testing.T) {
	is := newIssuer()
	o, _ := serve(t, is)
	answered := make(chan int, 9)
	o.Browser = func(to string) error {
		u, err := url.Parse(to)
		if err != nil {
			return err
		}
		back := u.Query().Get("redirect_uri")
		go func() {
			for _, query := range []string{"?code=stolen&state=other", "?code=stolen", "favicon.ico", "?state=" + u.Query().Get("state")} {
				r, err := http.Get(back + query)
				if err != nil {
					t.Error(err)
					return
				}
				r.Body.Close()
				answered <- r.StatusCode
			}
			r, err := http.Get(to)
			if err != nil {
				t.Error(err)
				return
			}
			r.Body.Close()
		}()
		return nil
	}
	token, err := Token(t.Context(), o)
	if err != nil || token != "access-1" || is.granted != 1 {
		t.Error(token, err)
	}
	for i, want := range []int{400, 400, 404, 400} {
		if got := <-answered; got != want {
			t.Errorf("answer %d: %d, want %d", i, got, want)
		}
	}
}

func TestDenied(t *testing.T) {
	is := newIssuer()
	is.deny = true
	o, _ := serve(t, is)
	pages := make(chan string, 1)
	o.Browser = browse(t, pages)
	if token, err := Token(t.Context(), o); !errors.Is(err, ErrDenied) {
		t.Error(token, err)
	}
	if page := <-pages; !strings.Contains(page, "no access") {
		t.Error(page)
	}
}

// Where nobody answers, the URL is told and the wait is bounded.
func TestNobodyAnswers(t *testing.T) {
	is := newIssuer()
	o, told := serve(t, is)
	o.Wait = 50 * time.Millisecond
	o.Browser = func(string) error { return errors.New("none") }
	var e *Error
	if token, err := Token(t.Context(), o); !errors.As(err, &e) || !strings.Contains(err.Error(), "no consent within 50ms") || e.Hint() == "" {
		t.Error(token, err)
	}
	if !strings.Contains(told.all(), "/authorize?") || !strings.Contains(told.all(), "127.0.0.1") {
		t.Error(told.all())
	}
	o.Wait = 0
	ctx, cancel := context.WithCancel(t.Context())
	o.Say = func(string) { cancel() }
	if token, err := Token(ctx, o); !errors.Is(err, context.Canceled) {
		t.Error(token, err)
	}
}

// direct reaches an issuer without a network, so that the clock of a test can run ahead.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w.Result(), nil
}

func device(t *testing.T, is *testIssuer) (string, time.Duration, string, error) {
	t.Helper()
	o, told := options(t, "https://issuer.example")
	o.HTTP = &http.Client{Transport: direct{is}}
	began := time.Now()
	token, err := Token(t.Context(), o)
	return token, time.Since(began), told.all(), err
}

func TestDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		is := newIssuer()
		is.pending = 4
		token, took, told, err := device(t, is)
		// Polls at 5, 10 (slow down), 20, 30, 40 seconds (RFC 8628 §3.5).
		if token != "access-1" || err != nil || took != 40*time.Second {
			t.Error(token, took, err)
		}
		if !strings.Contains(told, "https://issuer.example/device") || !strings.Contains(told, "ABCD-EFGH") || strings.Contains(told, "d1") {
			t.Error(told)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		is := newIssuer()
		is.deny = true
		if token, _, _, err := device(t, is); !errors.Is(err, ErrDenied) {
			t.Error(token, err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		is := newIssuer()
		is.pending = 1 << 30
		if token, took, _, err := device(t, is); err == nil || took != defaultWait || !strings.Contains(err.Error(), "no consent within") {
			t.Error(token, took, err)
		}
	})
}

// What a hostile issuer says neither panics nor waits for ever, nor reaches the terminal as it is.
func TestHostile(t *testing.T) {
	for name, answer := range map[string]map[string]any{
		"nothing":           {},
		"no code":           {"device_code": "d1", "verification_uri": "https://x"},
		"negative interval": {"device_code": "d0", "user_code": "A\x1b[2J", "verification_uri": "https://x", "interval": -1},
		"endless interval":  {"device_code": "d0", "user_code": "A", "verification_uri": "https://x", "interval": 1 << 62},
	} {
		synctest.Test(t, func(t *testing.T) {
			is := newIssuer()
			is.device = answer
			token, took, told, err := device(t, is)
			if err == nil || took > defaultWait || strings.Contains(told, "\x1b") {
				t.Errorf("%s: %q, %v, %v, %q", name, token, took, err, told)
			}
		})
	}
	is := newIssuer()
	o, _ := serve(t, is)
	pages := make(chan string, 9)
	o.Browser = browse(t, pages)
	for _, x := range []struct {
		status int
		answer map[string]any
		want   string
	}{
		{200, map[string]any{"access_token": "a\x01auth=x", "token_type": "Bearer"}, "octets that no token has"},
		{200, map[string]any{"access_token": "a", "token_type": "MAC"}, `expected a token of type Bearer, the issuer gives "MAC"`},
		{200, map[string]any{}, "no consent by browser"},
		{400, map[string]any{"error": "invalid_client"}, "invalid_client"},
		{400, map[string]any{"error": "invalid_scope", "error_description": "x\x1b\n" + strings.Repeat("y", 9999)}, "invalid_scope (x  yyy"},
		{500, map[string]any{"secret": "swordfish"}, "500 Internal Server Error"},
		{302, map[string]any{"secret": "swordfish"}, "302 Found"},
	} {
		is.mu.Lock()
		is.answer, is.status = x.answer, x.status
		is.mu.Unlock()
		var e *Error
		token, err := Token(t.Context(), o)
		if !errors.As(err, &e) || !strings.Contains(err.Error(), x.want) || strings.Contains(err.Error(), "swordfish") || strings.Contains(err.Error(), "\x1b") || len(err.Error()) > 600 {
			t.Errorf("%v: %q, %v", x.answer, token, err)
		}
		<-pages
	}
	if files, _ := filepath.Glob(filepath.Join(o.Dir, "*")); len(files) != 0 {
		t.Error("kept what is no token:", files)
	}
}
