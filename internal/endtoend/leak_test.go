package endtoend

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// forms are the shapes in which a secret could stand somewhere: as it is, escaped as in
// IMAP, JSON and Go, and within base64 at each of its three alignments.
func forms(secret string) map[string]string {
	inJSON, err := json.Marshal(secret)
	if err != nil {
		panic(err)
	}
	f := map[string]string{
		"raw":    secret,
		"quoted": strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(secret),
		"JSON":   strings.Trim(string(inJSON), `"`),
		"Go":     strings.Trim(strconv.Quote(secret), `"`),
	}
	for shift := range 3 {
		// The first and the last digits depend on what stands around: they are left out.
		text := base64.StdEncoding.EncodeToString(append(make([]byte, shift), secret...))
		f[fmt.Sprintf("base64+%d", shift)] = text[[]int{0, 2, 3}[shift] : (shift+len(secret))*8/6]
	}
	return f
}

// leaks tells in which forms a secret stands in p, in whatever case.
func leaks(p []byte, secret string) (found []string) {
	lower := bytes.ToLower(p)
	for form, text := range forms(secret) {
		if bytes.Contains(p, []byte(text)) || !strings.HasPrefix(form, "base64") && bytes.Contains(lower, []byte(strings.ToLower(text))) {
			found = append(found, form)
		}
	}
	return found
}

// holdsNoSecret searches everything that a proxy, which is stopped already, has put out.
func (l *live) holdsNoSecret(t tester, secrets ...string) {
	t.Helper()
	said := fmt.Sprint(l.heard(), l.logs)
	asJSON, asText, err := show(t, l.capture.bytes())
	if err != nil {
		t.Errorf("the capture: %v", err)
	}
	for where, p := range map[string][]byte{
		"JSON": l.json.bytes(), "text": l.text.bytes(), "capture": l.capture.bytes(), "messages": []byte(said),
		"shown JSON": asJSON, "shown text": asText, "events": []byte(l.events.whole()),
	} {
		if where != "messages" && len(p) == 0 {
			t.Errorf("%s: nothing to search", where)
		}
		for _, s := range secrets {
			if found := leaks(p, s); found != nil {
				t.Errorf("%s has %q: %v\n%s", where, s, found, around(p, forms(s)[found[0]]))
			}
		}
	}
}

// around is what stands around a secret, in small letters.
func around(p []byte, text string) string {
	lower := strings.ToLower(string(p))
	at := strings.Index(lower, strings.ToLower(text))
	if at < 0 {
		return ""
	}
	return fmt.Sprintf("%.500q", lower[max(0, at-250):min(len(lower), at+250)])
}
