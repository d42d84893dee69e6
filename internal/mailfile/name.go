package mailfile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

// nameOctets bounds a file name, so that there is room for a number and any file system takes it.
const nameOctets = 120

// reserved are names that Windows gives to devices.
var reserved = map[string]bool{"con": true, "prn": true, "aux": true, "nul": true}

// SafeName makes a file name of what a stranger wrote: no path, no control characters, no leading dot,
// nothing that a system or shell takes for something else. Where nothing is left it is fallback.
func SafeName(name, fallback string) string {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, strings.ContainsRune(`<>:"|?*`, r), !unicode.IsPrint(r) && r != ' ':
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
	name = strings.TrimRight(strings.TrimLeft(strings.TrimSpace(name), ".-~ "), ". ")
	ext := filepath.Ext(name)
	if len(ext) > 16 {
		ext = ""
	}
	stem := strings.TrimSuffix(name, ext)
	for len(stem)+len(ext) > nameOctets {
		_, n := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-n]
	}
	low := strings.ToLower(strings.TrimRight(stem, " "))
	device := reserved[low] || len(low) == 4 && (strings.HasPrefix(low, "com") || strings.HasPrefix(low, "lpt")) && low[3] >= '0' && low[3] <= '9'
	switch {
	case stem == "" && fallback == "":
		return "unnamed" + ext
	case stem == "":
		return SafeName(fallback+ext, "unnamed")
	case device:
		return "_" + stem + ext
	}
	return stem + ext
}

// Create makes a file in dir that was not there: where the name is taken a number is put behind it.
func Create(dir, name string) (*os.File, error) {
	ext := filepath.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	for i := 1; ; i++ {
		path := filepath.Join(dir, name)
		if i > 1 {
			path = filepath.Join(dir, fmt.Sprintf("%s-%d%s", stem, i, ext))
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if !os.IsExist(err) || i == 10_000 {
			return f, err
		}
	}
}
