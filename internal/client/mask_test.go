package client

import (
	"context"
	"strings"
	"testing"
)

// What a server repeats of a password is in no error, and in nothing that is told.
func TestEchoes(t *testing.T) {
	const secret = "sesame-4711"
	for _, c := range []struct {
		protocol, greeting string
		answers            map[string]string
	}{
		{"imap", hello, map[string]string{" LOGIN ": "TAG NO no such user with " + secret + "\r\n"}},
		{"imap", hello, map[string]string{" LOGIN ": "* BYE you said " + secret + "\r\nCLOSE"}},
		{"imap", hello, map[string]string{" LOGIN ": "* OK [ALERT] " + secret + " is weak\r\nTAG NO c2VzYW1lLTQ3MTE=\r\n"}},
		{"imap", hello, map[string]string{" LOGIN ": "m77 OK " + secret + "\r\n"}},
		{"imap", hello, map[string]string{" LOGIN ": "+ " + secret + "\r\n"}},
		{"pop3", "+OK\r\n", map[string]string{"CAPA": "-ERR\r\n", "USER": "+OK\r\n", "PASS": "-ERR not " + secret + "\r\n"}},
		{"pop3", "+OK\r\n", map[string]string{"CAPA": "-ERR\r\n", "USER": "+OK\r\n", "PASS": secret + "?\r\n"}},
	} {
		cfg := rogue(t, c.protocol, c.greeting, c.answers, "")
		cfg.Password = func(context.Context) (string, error) { return secret, nil }
		told := ""
		cfg.Alert = func(text string) { told += text }
		var err error
		if c.protocol == "imap" {
			_, err = DialIMAP(t.Context(), cfg)
		} else {
			_, err = DialPOP3(t.Context(), cfg)
		}
		if err == nil {
			t.Errorf("%v: logged in", c.answers)
			continue
		}
		for _, s := range []string{secret, "c2VzYW1lLTQ3MTE"} {
			if strings.Contains(err.Error()+told, s) {
				t.Errorf("%v: %v, told %q", c.answers, err, told)
			}
		}
	}
}
