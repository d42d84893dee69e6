package main

import (
	"os"
	"strings"
	"testing"
)

// TestDocsCommands has every command that the documents show: its name and its flags
// exist.
func TestDocsCommands(t *testing.T) {
	app := newApp(newUI(os.Stdout, os.Stderr))
	found := 0
	for _, file := range []string{"README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"} {
		text, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		code := false
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "```") {
				code = !code
				continue
			}
			line = strings.TrimPrefix(strings.TrimSpace(line), "$ ")
			line = strings.Replace(line, "go run ./cmd/mailtrace ", "mailtrace ", 1)
			if i := strings.LastIndex(line, " mailtrace "); i > 0 && !strings.HasPrefix(line, "mailtrace") {
				line = line[i+1:] // behind an assignment or a pipe
			}
			rest, ok := strings.CutPrefix(line, "mailtrace ")
			if !code || !ok {
				continue
			}
			rest, _, _ = strings.Cut(rest, "#")
			rest, _, _ = strings.Cut(rest, "|")
			found++
			if _, err := arrange(app.Commands, strings.Fields(rest)); err != nil {
				t.Errorf("%s: mailtrace %s: %v", file, rest, err)
			}
		}
	}
	if found < 5 {
		t.Errorf("%d commands found", found)
	}
}
