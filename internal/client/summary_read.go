package client

import (
	"bufio"
	"io"
	"net/mail"
	"strings"
)

// fieldKept bounds what is kept of one header field.
const fieldKept = 16 << 10

// ReadSummary reads the header of a message, up to its end or that of r. What is no header is passed over:
// broken mail is shown as well as it goes.
func ReadSummary(r io.Reader) (*Summary, error) {
	s := &Summary{}
	if err := ReadHeader(r, s.field); err != nil {
		return nil, err
	}
	return s, nil
}

// ReadHeader gives the fields of a message's header, unfolded: of each the name and the value as they
// stand, 16 KiB at most. What is no field is passed over.
func ReadHeader(r io.Reader, on func(name, value string)) error {
	give := func(field string) {
		if name, value, ok := strings.Cut(field, ":"); ok {
			on(strings.TrimSpace(name), value)
		}
	}
	b := bufio.NewReader(r)
	field := ""
	for {
		line, err := readLine(b)
		if err != nil && err != io.EOF {
			return err
		}
		if line != "" && (line[0] == ' ' || line[0] == '\t') {
			if len(field) < fieldKept {
				field += line
			}
			continue
		}
		give(field)
		field = line
		if line == "" { // the empty line behind the header, or the end
			return nil
		}
	}
}

// readLine reads a line without its end, of which it keeps the beginning.
func readLine(b *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := b.ReadSlice('\n')
		if room := fieldKept - len(line); room > 0 {
			line = append(line, part[:min(room, len(part))]...)
		}
		if err != bufio.ErrBufferFull {
			return strings.TrimRight(string(line), "\r\n"), err
		}
	}
}

// field takes one header field, unfolded.
func (s *Summary) field(name, value string) {
	switch strings.ToLower(name) {
	case "subject":
		s.Subject = header(value)
	case "date":
		s.Date, _ = mail.ParseDate(strings.TrimSpace(value)) // one that cannot be read is none
	case "from":
		s.From, s.Address = sender(value)
	}
}

// sender gives what to show of a From field, and its first address.
func sender(value string) (name, addr string) {
	shown := header(value)
	list, err := mail.ParseAddressList(strings.TrimSpace(value))
	if err != nil || len(list) == 0 {
		if i, j := strings.LastIndexByte(shown, '<'), strings.LastIndexByte(shown, '>'); i >= 0 && j > i {
			addr = shown[i+1 : j]
			if name = strings.Trim(strings.TrimSpace(shown[:i]), `"`); name != "" {
				return name, addr
			}
		}
		return shown, addr
	}
	if list[0].Name == "" {
		return list[0].Address, list[0].Address
	}
	return header(list[0].Name), list[0].Address
}
