package oauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Issuer is who grants tokens. The names are those of RFC 8414 §2.
type Issuer struct {
	AuthorizationEndpoint string            `toml:"authorization-endpoint"`
	TokenEndpoint         string            `toml:"token-endpoint"`
	DeviceEndpoint        string            `toml:"device-authorization-endpoint"` // "" where there is none
	Scopes                []string          `toml:"scopes"`
	RedirectURI           string            `toml:"redirect-uri"` // a loopback address; without a port any free one
	Parameters            map[string]string `toml:"parameters"`   // more that the authorization wants to hear
	ClientID              string            `toml:"client-id"`    // where the caller names none
	ClientSecret          string            `toml:"client-secret"`
}

var known = map[string]Issuer{
	"google": {
		AuthorizationEndpoint: "https://accounts.google.com/o/oauth2/v2/auth",
		TokenEndpoint:         "https://oauth2.googleapis.com/token",
		// No device endpoint: it refuses the scope.
		Scopes:      []string{"https://mail.google.com/"},
		RedirectURI: "http://127.0.0.1/",
		// Without them there is a refresh token once only, or never.
		Parameters: map[string]string{"access_type": "offline", "prompt": "consent"},
	},
	"microsoft": {
		AuthorizationEndpoint: "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
		TokenEndpoint:         "https://login.microsoftonline.com/common/oauth2/v2.0/token",
		DeviceEndpoint:        "https://login.microsoftonline.com/common/oauth2/v2.0/devicecode",
		Scopes: []string{
			"https://outlook.office.com/IMAP.AccessAsUser.All", "https://outlook.office.com/POP.AccessAsUser.All", "offline_access",
		},
		// QUIRK: Microsoft takes any port with this name alone, not with the address.
		RedirectURI: "http://localhost/",
	},
}

// Lookup gives the issuer called google or microsoft, or the one that a file describes: in TOML or JSON
// with the keys of [Issuer], or the JSON that Google gives with a client.
func Lookup(name string) (Issuer, error) {
	if is, ok := known[name]; ok {
		return is, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return Issuer{}, &Error{What: "--oauth2 " + name, Err: err, Advice: "known are google and microsoft; anything else is a file that describes an issuer, see docs/oauth2.md"}
	}
	is, err := parse(text)
	if err == nil {
		err = is.check()
	}
	if err != nil {
		return Issuer{}, &Error{What: name, Err: err, Advice: "see docs/oauth2.md for what it may hold"}
	}
	return is, nil
}

func parse(text []byte) (Issuer, error) {
	var is Issuer
	if strings.HasPrefix(strings.TrimSpace(string(text)), "{") {
		return parseJSON(text)
	}
	meta, err := toml.Decode(string(text), &is)
	if err != nil {
		return is, errors.New(strings.TrimPrefix(err.Error(), "toml: "))
	}
	if u := meta.Undecoded(); len(u) > 0 {
		return is, fmt.Errorf("unknown key %q", u[0].String())
	}
	return is, nil
}

// parseJSON takes JSON with the same keys, _ or - in them, or {"installed": {…}} from Google.
func parseJSON(text []byte) (Issuer, error) {
	var client struct {
		Installed *struct {
			ID     string `json:"client_id"`
			Secret string `json:"client_secret"`
		}
	}
	if err := json.Unmarshal(text, &client); err != nil {
		return Issuer{}, err
	}
	if c := client.Installed; c != nil {
		is := known["google"]
		is.ClientID, is.ClientSecret = c.ID, c.Secret
		return is, nil
	}
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		return Issuer{}, err
	}
	keys := map[string]any{}
	for k, v := range all {
		keys[strings.ReplaceAll(k, "_", "-")] = v
	}
	again, err := toml.Marshal(keys)
	if err != nil {
		return Issuer{}, err
	}
	return parse(again)
}

// check refuses what a login could not be trusted to.
func (is *Issuer) check() error {
	for name, endpoint := range map[string]string{
		"authorization-endpoint": is.AuthorizationEndpoint, "token-endpoint": is.TokenEndpoint, "device-authorization-endpoint": is.DeviceEndpoint,
	} {
		if endpoint == "" && name != "token-endpoint" {
			continue
		}
		u, err := url.Parse(endpoint)
		if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
			return fmt.Errorf("%s: expected a URL with https, found %q", name, endpoint) // RFC 6749 §3.1, §3.2
		}
	}
	if is.AuthorizationEndpoint == "" && is.DeviceEndpoint == "" {
		return errors.New("expected an authorization-endpoint or a device-authorization-endpoint, found none")
	}
	if len(is.Scopes) == 0 {
		return errors.New("expected scopes, found none")
	}
	if is.RedirectURI == "" {
		is.RedirectURI = "http://127.0.0.1/"
	}
	u, err := url.Parse(is.RedirectURI)
	if err != nil || u.Scheme != "http" || !loopback(u.Hostname()) || u.RawQuery != "" {
		return fmt.Errorf("redirect-uri: expected http and a loopback address, found %q", is.RedirectURI) // RFC 8252 §7.3
	}
	for _, reserved := range []string{"state", "code_challenge", "code_challenge_method", "redirect_uri", "client_id", "response_type", "scope"} {
		if _, ok := is.Parameters[reserved]; ok {
			return fmt.Errorf("parameters: %s is not for a file to say", reserved)
		}
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Names lists the issuers that need no file.
func Names() []string {
	var all []string
	for n := range known {
		all = append(all, n)
	}
	slices.Sort(all)
	return all
}
