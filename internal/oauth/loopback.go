package oauth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"
)

// answer is what came back with the redirect.
type answer struct{ code, failure, description string }

// loopback sends a browser of this machine to the issuer, and waits for it to come back with a code
// (RFC 6749 §4.1, RFC 8252 §7.3) that is worth nothing without the verifier (RFC 7636).
func (f *flow) loopback(ctx context.Context) (*oauth2.Token, error) {
	const what = "no consent by browser"
	redirect, err := url.Parse(f.issuer.RedirectURI)
	if err != nil {
		return nil, &Error{What: what, Err: err}
	}
	host, port := redirect.Hostname(), redirect.Port()
	if host == "localhost" {
		host = "127.0.0.1"
	}
	if port == "" {
		port = "0"
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, &Error{What: "nothing can listen for the browser's answer", Err: err}
	}
	_, port, _ = net.SplitHostPort(l.Addr().String())
	redirect.Host = net.JoinHostPort(redirect.Hostname(), port)
	if redirect.Path == "" {
		redirect.Path = "/"
	}
	f.config.RedirectURL = redirect.String()

	state, verifier := rand.Text(), oauth2.GenerateVerifier()
	came := make(chan answer, 1)
	server := &http.Server{
		Handler: receive(redirect.Path, state, came), ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 1 << 16,
		ErrorLog: log.New(io.Discard, "", 0), // a browser that goes away is nothing to tell
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	defer func() {
		// The page that says so may still be on its way.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			_ = server.Close()
		}
		<-served
	}()

	f.ask(f.config.AuthCodeURL(state, f.parameters(verifier)...), redirect.Host)
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case err := <-served:
		served <- err
		return nil, &Error{What: what, Err: err}
	case a := <-came:
		if a.failure != "" {
			return nil, refused(what, a.failure, a.description, "")
		}
		t, err := f.config.Exchange(ctx, a.code, oauth2.VerifierOption(verifier))
		if err != nil {
			return nil, refusal(what, err)
		}
		return t, nil
	}
}

func (f *flow) parameters(verifier string) []oauth2.AuthCodeOption {
	all := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(verifier)}
	if f.o.User != "" {
		all = append(all, oauth2.SetAuthURLParam("login_hint", f.o.User))
	}
	for name, value := range f.issuer.Parameters {
		all = append(all, oauth2.SetAuthURLParam(name, value))
	}
	return all
}

// ask sends the user to a URL.
func (f *flow) ask(to, back string) {
	whom := "to let mailtrace read the mail of " + f.o.User
	if f.o.Browser != nil {
		if f.o.Browser(to) == nil {
			f.o.Say(whom + ", allow it in the browser; where none opened, go to " + to)
			return
		}
	}
	f.o.Say(fmt.Sprintf("%s, open %s in a browser of this machine, for its answer comes to %s", whom, to, back))
}

// receive takes the redirect. What has not our state was not sent by our question (RFC 6749 §10.12): it
// gets an error, and we wait on, so that a page of others cannot end the login.
func receive(path, state string, came chan<- answer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer") // the URL has the code
		h.Set("X-Content-Type-Options", "nosniff")
		q := r.URL.Query()
		switch {
		case r.URL.Path != path || r.Method != http.MethodGet:
			http.Error(w, "nothing here", http.StatusNotFound)
			return
		case subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(state)) != 1:
			http.Error(w, "this answer belongs to another question; close this page, and use the URL that mailtrace told last", http.StatusBadRequest)
			return
		}
		a := answer{q.Get("code"), q.Get("error"), q.Get("error_description")}
		if a.code == "" && a.failure == "" {
			http.Error(w, "neither a code nor an error came from the issuer", http.StatusBadRequest)
			return
		}
		text := "mailtrace may read the mail now. You can close this page."
		if a.failure != "" {
			text = "mailtrace got no access. You can close this page."
		}
		_, _ = io.WriteString(w, text+"\n") // a browser that is gone has still brought the answer
		select {
		case came <- a:
		default: // the first answer counts
		}
	})
}
