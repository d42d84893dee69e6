package mailserver

import (
	"encoding/base64"
	"errors"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A folder of a Maildir++ is a directory whose name begins with a dot, with dots between
// the levels, in modified UTF-7 (RFC 3501 §5.1.3): .Sent.2026 is Sent/2026.

// folderName is the directory of a mailbox other than INBOX. A level with a dot or a slash
// has none, so no name leads out of the Maildir.
func folderName(mailbox string) (string, error) {
	var b strings.Builder
	for level := range strings.SplitSeq(mailbox, string(Delimiter)) {
		if level == "" || strings.ContainsAny(level, "./\\\x00") || !utf8.ValidString(level) {
			return "", errName
		}
		b.WriteString("." + encodeUTF7(level))
	}
	return b.String(), nil
}

// mailboxName is the mailbox of a directory.
func mailboxName(folder string) (string, error) {
	levels := strings.Split(strings.TrimPrefix(folder, "."), ".")
	for i, l := range levels {
		decoded, err := decodeUTF7(l)
		if err != nil || decoded == "" || strings.ContainsAny(decoded, "/*%\x00") {
			return "", errName
		}
		levels[i] = decoded
	}
	return canonical(strings.Join(levels, string(Delimiter))), nil
}

var base64UTF7 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding).Strict()

func encodeUTF7(s string) string {
	var b strings.Builder
	for s != "" {
		n := strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
		if n < 0 {
			n = len(s)
		}
		b.WriteString(strings.ReplaceAll(s[:n], "&", "&-"))
		if s = s[n:]; s == "" {
			break
		}
		if n = strings.IndexFunc(s, func(r rune) bool { return r >= ' ' && r <= '~' }); n < 0 {
			n = len(s)
		}
		var octets []byte
		for _, u := range utf16.Encode([]rune(s[:n])) {
			octets = append(octets, byte(u>>8), byte(u))
		}
		b.WriteString("&" + base64UTF7.EncodeToString(octets) + "-")
		s = s[n:]
	}
	return b.String()
}

var errUTF7 = errors.New("not modified UTF-7")

// decodeUTF7 takes only what encodeUTF7 gives, so that two folders never have one name.
func decodeUTF7(s string) (string, error) {
	var b strings.Builder
	for rest := s; rest != ""; {
		before, after, shifted := strings.Cut(rest, "&")
		b.WriteString(before)
		if !shifted {
			break
		}
		code, after, ended := strings.Cut(after, "-")
		if rest = after; !ended {
			return "", errUTF7
		}
		if code == "" {
			b.WriteByte('&')
			continue
		}
		octets, err := base64UTF7.DecodeString(code)
		if err != nil || len(octets)%2 != 0 {
			return "", errUTF7
		}
		units := make([]uint16, len(octets)/2)
		for i := range units {
			units[i] = uint16(octets[2*i])<<8 | uint16(octets[2*i+1])
		}
		b.WriteString(string(utf16.Decode(units)))
	}
	if encodeUTF7(b.String()) != s {
		return "", errUTF7
	}
	return b.String(), nil
}

// systemFlags are the letters of the info part of a file's name (":2,FS"), in the order in
// which they stand there. Lower case letters are keywords of the folder.
var systemFlags = [...]struct {
	letter byte
	flag   string
}{
	{'D', `\Draft`}, {'F', `\Flagged`}, {'P', "$Forwarded"}, {'R', `\Answered`}, {'S', `\Seen`}, {'T', `\Deleted`},
}

const infoMark = ":2,"

// splitInfo divides a file's name into what stays with a message and the letters.
func splitInfo(name string) (base, letters string) {
	base, info, _ := strings.Cut(name, ":")
	letters, ok := strings.CutPrefix(info, "2,")
	if !ok {
		return base, ""
	}
	return base, letters
}
