package mailserver

import (
	"bytes"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	_ "github.com/emersion/go-message/charset" // ISO-8859-1, ISO-2022-JP and the rest
)

// section cuts a body section out of a message (RFC 9051 §6.4.5.1). The whole message, its
// header and its text are cut here, so that not one octet is rewritten; parts and selected
// fields are left to imapserver.
func section(octets []byte, item *imap.FetchItemBodySection) []byte {
	if len(item.Part) > 0 || len(item.HeaderFields) > 0 || len(item.HeaderFieldsNot) > 0 {
		all := *item
		all.Partial = nil
		return partial(imapserver.ExtractBodySection(bytes.NewReader(octets), &all), item.Partial)
	}
	header, body := split(octets)
	switch item.Specifier {
	case imap.PartSpecifierHeader:
		octets = header
	case imap.PartSpecifierText:
		octets = body
	}
	return partial(octets, item.Partial)
}

// split divides a message behind the empty line that ends its header.
func split(octets []byte) (header, body []byte) {
	for i := 0; i < len(octets); {
		n := bytes.IndexByte(octets[i:], '\n') + 1
		if n == 0 {
			break
		}
		line := octets[i : i+n]
		i += n
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			return octets[:i], octets[i:]
		}
	}
	return octets, nil
}

// partial cuts <origin.size>; what lies beyond the end is empty.
func partial(octets []byte, p *imap.SectionPartial) []byte {
	if p == nil {
		return octets
	}
	from := min(p.Offset, int64(len(octets)))
	return octets[from : from+min(p.Size, int64(len(octets))-from)]
}

func envelope(octets []byte) *imap.Envelope {
	h := mailHeader(octets)
	return imapserver.ExtractEnvelope(h.Header.Header)
}

// bodyStructure describes a message. A multipart without parts, which the grammar has no
// form for, is described as text/plain.
func bodyStructure(octets []byte) imap.BodyStructure {
	return whole(imapserver.ExtractBodyStructure(bytes.NewReader(octets)))
}

func whole(bs imap.BodyStructure) imap.BodyStructure {
	switch bs := bs.(type) {
	case *imap.BodyStructureMultiPart:
		if len(bs.Children) == 0 {
			return &imap.BodyStructureSinglePart{
				Type: "text", Subtype: "plain",
				Text: &imap.BodyStructureText{}, Extended: &imap.BodyStructureSinglePartExt{},
			}
		}
		for i, child := range bs.Children {
			bs.Children[i] = whole(child)
		}
	case *imap.BodyStructureSinglePart:
		if bs.MessageRFC822 != nil {
			bs.MessageRFC822.BodyStructure = whole(bs.MessageRFC822.BodyStructure)
		}
	}
	return bs
}
