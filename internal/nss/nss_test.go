package nss

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestProfiles(t *testing.T) {
	home := t.TempDir()
	var want []string
	for _, x := range []struct {
		dir   string
		store bool
	}{
		{".thunderbird/ab.default", true},
		{".thunderbird/cd.new", false}, // never started
		{".thunderbird/Crash Reports", false},
		{"snap/thunderbird/common/.thunderbird/ef.default", true},
		{"Library/Thunderbird/Profiles/gh.default-release", true},
		{".mozilla/firefox/ij.default", true}, // another program
	} {
		dir := filepath.Join(home, filepath.FromSlash(x.dir))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if !x.store {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, Store), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if x.dir[:4] != ".moz" {
			want = append(want, dir)
		}
	}
	// What is named like a store need not be one.
	if err := os.MkdirAll(filepath.Join(home, ".thunderbird", "kl.odd", Store), 0o700); err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	if got := Profiles(home); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Profiles(filepath.Join(home, "nobody")); got != nil {
		t.Errorf("where there is no Thunderbird: %q", got)
	}
}

func TestFlagsOf(t *testing.T) {
	const list = `
Certificate Nickname                                         Trust Attributes
                                                             SSL,S/MIME,JAR/XPI

mailtrace CA (host) b5b077                                   C,,
mailtrace CA (host) b5b0                                     ,,
a very long name of a certificate that leaves no room for spaces CT,C,c
mailtrace CA (host) b5                                       u,u,u
`
	for _, x := range []struct{ name, want string }{
		{"mailtrace CA (host) b5b077", "C,,"},
		{"mailtrace CA (host) b5b0", ",,"},
		{"mailtrace CA (host) b5", "u,u,u"},
		{"a very long name of a certificate that leaves no room for spaces", "CT,C,c"},
		{"mailtrace CA (host)", ""},
		{"mailtrace", ""},
		{"Certificate Nickname", ""},
	} {
		if got := flagsOf(list, x.name); got != x.want {
			t.Errorf("%s: %q, want %q", x.name, got, x.want)
		}
	}
	for flags, want := range map[string]bool{"C,,": true, "CT,C,c": true, ",,": false, "u,u,u": false, ",C,C": false, "": false} {
		if forServers(flags) != want {
			t.Errorf("%q for servers: %v", flags, !want)
		}
	}
}
