package oauth

import (
	"context"

	"golang.org/x/oauth2"
)

// device lets the user type a code into a browser anywhere (RFC 8628).
func (f *flow) device(ctx context.Context) (*oauth2.Token, error) {
	const what = "no consent by device code"
	answer, err := f.config.DeviceAuth(ctx)
	if err != nil {
		return nil, refusal(what, err)
	}
	if answer.UserCode == "" || answer.VerificationURI == "" || answer.DeviceCode == "" {
		return nil, &Error{What: what + ": the issuer gives no code"}
	}
	// Without bounds, an issuer's number could be one that no clock takes.
	if answer.Interval < 1 {
		answer.Interval = 5 // RFC 8628 §3.2
	}
	answer.Interval = min(answer.Interval, 60)
	f.o.Say("to let mailtrace read the mail of " + f.o.User + ", open " + clean(answer.VerificationURI) + " and type in " + clean(answer.UserCode))
	t, err := f.config.DeviceAccessToken(ctx, answer)
	if err != nil {
		return nil, refusal(what, err)
	}
	return t, nil
}
