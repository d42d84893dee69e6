package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// Options say whom a token is for.
type Options struct {
	Issuer       string // google, microsoft, or a file: see [Lookup]
	ClientID     string // where empty, the file's
	ClientSecret string // where empty, the file's; most clients have none
	User         string // whose mail it is; the issuer is told it as a hint
	Dir          string // where tokens are kept; "" is [Dir]

	// Say tells the user where to give consent, one line a call. Nil: nobody is there to give it.
	Say func(text string)
	// Browser opens a URL; nil where there is none, see [Browser]. Then the device flow is preferred.
	Browser func(url string) error
	// Wait bounds how long consent may take; 0 is 5 min.
	Wait time.Duration
	// HTTP reaches the issuer; nil is a client that verifies it by the system's roots.
	HTTP *http.Client
}

const (
	defaultWait = 5 * time.Minute
	// early is how long before its end a token counts as expired: a login takes time.
	early = time.Minute
)

// flow is one call.
type flow struct {
	o      Options
	issuer Issuer
	config *oauth2.Config
	dir    string
}

func newFlow(o Options) (*flow, error) {
	is, err := Lookup(o.Issuer)
	if err != nil {
		return nil, err
	}
	if o.ClientID == "" {
		o.ClientID = is.ClientID
	}
	if o.ClientSecret == "" && o.ClientID == is.ClientID {
		o.ClientSecret = is.ClientSecret
	}
	if o.ClientID == "" {
		return nil, &Error{What: "no client id for " + o.Issuer, Advice: "register a client with the issuer and give its id: --client-id ID, see docs/oauth2.md"}
	}
	f := &flow{o: o, issuer: is, dir: o.Dir}
	if f.dir == "" {
		if f.dir, err = Dir(); err != nil {
			return nil, err
		}
	}
	if f.o.Wait <= 0 {
		f.o.Wait = defaultWait
	}
	if f.o.HTTP == nil {
		f.o.HTTP = &http.Client{Timeout: 30 * time.Second}
	}
	client := *f.o.HTTP
	// A token endpoint does not redirect, and what is posted there is not for others.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	f.o.HTTP = &client
	f.config = &oauth2.Config{
		ClientID: o.ClientID, ClientSecret: o.ClientSecret, Scopes: is.Scopes,
		Endpoint: oauth2.Endpoint{
			AuthURL: is.AuthorizationEndpoint, TokenURL: is.TokenEndpoint, DeviceAuthURL: is.DeviceEndpoint,
			// A client without a secret has to say its id there (RFC 6749 §3.2.1); trying one way after
			// the other would burn the code.
			AuthStyle: oauth2.AuthStyleInParams,
		},
	}
	return f, nil
}

// Token gives an access token: the kept one, a refreshed one, or one that the user consents to now.
// Errors are of type *[Error], but for those of ctx, and hold no token.
func Token(ctx context.Context, o Options) (string, error) {
	f, err := newFlow(o)
	if err != nil {
		return "", err
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, f.o.HTTP)
	k, err := f.load()
	if err != nil {
		return "", err
	}
	if k.valid() {
		return k.Access, nil
	}
	if k.Refresh != "" {
		text, err := f.refresh(ctx, k)
		if err == nil || !errors.Is(err, errExpired) {
			return text, err
		}
	}
	if f.o.Say == nil {
		return "", &Error{What: "no consent of " + f.o.User + " yet, and nobody to ask", Advice: "run the command once on a terminal"}
	}
	t, err := f.consent(ctx)
	if err != nil {
		return "", err
	}
	return f.keep(t, "")
}

func (k *kept) valid() bool {
	return k.Access != "" && (k.Expiry.IsZero() || time.Until(k.Expiry) > early)
}

// errExpired says that there is nothing left to refresh.
var errExpired = errors.New("the refresh token has expired or was revoked")

// refresh asks for a new token (RFC 6749 §6).
func (f *flow) refresh(ctx context.Context, k kept) (string, error) {
	t, err := f.config.TokenSource(ctx, &oauth2.Token{RefreshToken: k.Refresh}).Token()
	if err == nil {
		return f.keep(t, k.Refresh)
	}
	var r *oauth2.RetrieveError
	if !errors.As(err, &r) || r.ErrorCode != "invalid_grant" {
		return "", refusal("the token cannot be refreshed", err)
	}
	// Another process may have refreshed meanwhile, and got another refresh token.
	if now, err := f.load(); err == nil && now.Refresh != k.Refresh && now.valid() {
		return now.Access, nil
	}
	return "", errExpired
}

// keep checks a token, and stores it.
func (f *flow) keep(t *oauth2.Token, refresh string) (string, error) {
	if !strings.EqualFold(t.Type(), "bearer") { // RFC 6749 §7.1
		return "", &Error{What: fmt.Sprintf("expected a token of type Bearer, the issuer gives %q", clean(t.TokenType))}
	}
	// RFC 6749 appendix A.12; another octet would say more in SASL than a token.
	if strings.ContainsFunc(t.AccessToken, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", &Error{What: "the issuer's token has octets that no token has"}
	}
	if t.RefreshToken != "" {
		refresh = t.RefreshToken
	}
	return t.AccessToken, f.save(kept{Access: t.AccessToken, Refresh: refresh, Expiry: t.Expiry})
}

// consent asks the user.
func (f *flow) consent(ctx context.Context) (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, f.o.Wait, &Error{
		What: fmt.Sprintf("no consent within %v", f.o.Wait), Advice: "run the command again, and follow the URL it tells",
	})
	defer cancel()
	ask := f.loopback
	if f.issuer.DeviceEndpoint != "" && (f.o.Browser == nil || f.issuer.AuthorizationEndpoint == "") {
		ask = f.device
	}
	t, err := ask(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return t, err
}
