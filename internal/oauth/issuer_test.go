package oauth

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// testIssuer grants tokens to client c1, strictly by the RFCs.
type testIssuer struct {
	http.Handler

	mu        sync.Mutex
	granted   int               // tokens
	consents  int               // codes
	codes     map[string]string // code to challenge
	redirect  map[string]string // code to redirect URI
	refreshes map[string]bool   // valid refresh tokens
	lifetime  int               // seconds
	pending   int               // answers until a device code is accepted
	polls     int
	secret    string
	answer    map[string]any // instead of a token
	status    int            // with answer
	deny      bool
	device    map[string]any // instead of a device code
}

func newIssuer() *testIssuer {
	is := &testIssuer{codes: map[string]string{}, redirect: map[string]string{}, refreshes: map[string]bool{}, lifetime: 3600}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /authorize", is.authorize)
	mux.HandleFunc("POST /token", is.token)
	mux.HandleFunc("POST /device", is.deviceCode)
	is.Handler = mux
	return is
}

func (is *testIssuer) authorize(w http.ResponseWriter, r *http.Request) {
	is.mu.Lock()
	defer is.mu.Unlock()
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || back.Hostname() != "127.0.0.1" || q.Get("client_id") != "c1" || q.Get("response_type") != "code" || q.Get("scope") != "mail more" ||
		q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || q.Get("state") == "" || q.Get("login_hint") != "u1" || q.Get("extra") != "yes" {
		http.Error(w, "bad", http.StatusBadRequest)
		return
	}
	v := url.Values{"state": {q.Get("state")}}
	if is.deny {
		v.Set("error", "access_denied")
	} else {
		is.consents++
		code := fmt.Sprintf("code-%d", is.consents)
		is.codes[code], is.redirect[code] = q.Get("code_challenge"), q.Get("redirect_uri")
		v.Set("code", code)
	}
	back.RawQuery = v.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

func (is *testIssuer) token(w http.ResponseWriter, r *http.Request) {
	is.mu.Lock()
	defer is.mu.Unlock()
	fail := func(code string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": code, "error_description": "because"})
	}
	f := func(name string) string { return r.PostFormValue(name) }
	if is.answer != nil {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(is.status)
		_ = json.NewEncoder(w).Encode(is.answer)
		return
	}
	if f("client_id") != "c1" || f("client_secret") != is.secret {
		fail("invalid_client")
		return
	}
	switch f("grant_type") {
	case "authorization_code":
		sum := sha256.Sum256([]byte(f("code_verifier")))
		challenge, ok := is.codes[f("code")]
		if !ok || challenge != base64.RawURLEncoding.EncodeToString(sum[:]) || is.redirect[f("code")] != f("redirect_uri") {
			fail("invalid_grant")
			return
		}
		delete(is.codes, f("code"))
	case "refresh_token":
		if !is.refreshes[f("refresh_token")] {
			fail("invalid_grant")
			return
		}
		delete(is.refreshes, f("refresh_token"))
	case "urn:ietf:params:oauth:grant-type:device_code":
		is.polls++
		switch {
		case f("device_code") != "d1":
			fail("invalid_grant")
			return
		case is.deny:
			fail("access_denied")
			return
		case is.polls == 2:
			fail("slow_down")
			return
		case is.polls <= is.pending:
			fail("authorization_pending")
			return
		}
	default:
		fail("unsupported_grant_type")
		return
	}
	is.granted++
	refresh := fmt.Sprintf("refresh-%d", is.granted)
	is.refreshes[refresh] = true
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"access_token": fmt.Sprintf("access-%d", is.granted), "token_type": "Bearer", "expires_in": is.lifetime, "refresh_token": refresh,
	})
}

func (is *testIssuer) deviceCode(w http.ResponseWriter, r *http.Request) {
	is.mu.Lock()
	defer is.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if is.device != nil {
		_ = json.NewEncoder(w).Encode(is.device)
		return
	}
	if r.PostFormValue("client_id") != "c1" || r.PostFormValue("scope") != "mail more" {
		http.Error(w, "bad", http.StatusBadRequest)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"device_code": "d1", "user_code": "ABCD-EFGH", "verification_uri": "https://issuer.example/device", "expires_in": 600, "interval": 5,
	})
}

// serve starts an issuer, and gives options for it. Nothing is said but to said.
func serve(t *testing.T, is *testIssuer) (Options, *said) {
	t.Helper()
	s := httptest.NewServer(is)
	t.Cleanup(s.Close)
	return options(t, s.URL)
}

func options(t *testing.T, base string) (Options, *said) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "issuer.toml")
	text := strings.ReplaceAll(`
authorization-endpoint = "BASE/authorize"
token-endpoint = "BASE/token"
device-authorization-endpoint = "BASE/device"
scopes = ["mail", "more"]
parameters = {extra = "yes"}
`, "BASE", base)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	told := &said{}
	return Options{Issuer: file, ClientID: "c1", User: "u1", Dir: filepath.Join(dir, "state", "tokens"), Say: told.say}, told
}

// said collects what the user is told.
type said struct {
	mu   sync.Mutex
	text []string
}

func (s *said) say(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = append(s.text, text)
}

func (s *said) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.text, "\n")
}
