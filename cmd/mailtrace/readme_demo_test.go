package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// varies is what differs between two runs of the demo: clock, ports, durations, and the
// rules drawn between them.
var varies = regexp.MustCompile(`127\.0\.0\.1:\d+|\d\d:\d\d:\d\d\.\d{3}|[0-9.]+ (µs|ms|s)\b|^(#\d) +[0-9.]+|S [0-9,]+ octets|─+`)

func steady(row string) string {
	return strings.Join(strings.Fields(varies.ReplaceAllString(row, "$2 _ ")), " ")
}

// TestReadmeDemo has every row of the README's transcript printed by the demo, in the
// README's order.
func TestReadmeDemo(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, ok := strings.Cut(string(text), "$ mailtrace demo\n")
	if !ok {
		t.Fatal("no transcript of the demo in README.md")
	}
	shown, _, _ = strings.Cut(shown, "```")
	t.Chdir(t.TempDir())
	t.Setenv("LC_ALL", "C.UTF-8")
	out, err := os.Create("printed")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := newApp(newUI(out, out)).Run([]string{"mailtrace", "demo"}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("printed")
	if err != nil {
		t.Fatal(err)
	}
	printed := strings.Split(string(got), "\n")
	at := 0
	for row := range strings.Lines(shown) {
		row = strings.TrimSpace(row)
		switch {
		case row == "" || row == "…":
			continue
		case strings.HasPrefix(row, "mailtrace: "):
			if !strings.Contains(string(got), row) {
				t.Errorf("not said: %s", row)
			}
			continue
		}
		i := at
		for i < len(printed) && steady(printed[i]) != steady(row) {
			i++
		}
		if i == len(printed) {
			t.Errorf("not printed, or not in this order: %s", row)
			continue
		}
		at = i + 1
	}
	if at == 0 {
		t.Error("no row compared")
	}
}
