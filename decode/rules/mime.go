package rules

import "github.com/mailtrace/mailtrace/decode"

// What messages have wrong: lines and octets (RFC 5322, RFC 2045), header fields, multiparts
// and transfer encodings.
var (
	BareCR = define(Rule{
		ID: "mime.bare-cr", Severity: decode.Warning, Ref: "RFC 5322 §2.3",
		Text: "a CR stands without an LF behind it: programs disagree on whether a line ends there",
	})
	BareLF = define(Rule{
		ID: "mime.bare-lf", Severity: decode.Warning, Ref: "RFC 5322 §2.3",
		Text: "an LF stands without a CR before it: programs disagree on whether a line ends there",
	})
	MessageNUL = define(Rule{
		ID: "mime.nul", Severity: decode.Warning, Ref: "RFC 2045 §2.7",
		Text: "a NUL octet stands in the message: many programs take it for the end",
	})
	MessageLongLine = define(Rule{
		ID: "mime.long-line", Severity: decode.Warning, Ref: "RFC 5322 §2.1.1",
		Text: "a line is longer than 998 octets: servers on the way may break it, which also breaks signatures",
	})
	HeaderEightBit = define(Rule{
		ID: "mime.8bit-header", Severity: decode.Warning, Ref: "RFC 5322 §2.2",
		Text: "a header field has octets beyond ASCII that are not UTF-8, so nobody can tell what they mean",
	})
	HeaderUTF8 = define(Rule{
		ID: "mime.utf8-header", Severity: decode.Note, Ref: "RFC 6532 §3.2",
		Text: "a header field has bare UTF-8, which only internationalized mail may have; old programs show it badly",
	})
	HeaderNoColon = define(Rule{
		ID: "mime.no-colon", Severity: decode.Warning, Ref: "RFC 5322 §2.2",
		Text: "a line of the header is no field, since it has no colon behind a name: programs may take it for the end of the header",
	})
	HeaderMbox = define(Rule{
		ID: "mime.mbox-from", Severity: decode.Warning, Ref: "RFC 5322 §2.2",
		Text: "the header begins with the line that separates messages in an mbox file, which is no field: programs may take it for the end of the header",
	})
	HeaderEnd = define(Rule{
		ID: "mime.header-end", Severity: decode.Warning, Ref: "RFC 2046 §5.1",
		Text: "the header of a part has no blank line behind it before the next boundary",
	})
	FieldDuplicate = define(Rule{
		ID: "mime.duplicate-field", Severity: decode.Warning, Ref: "RFC 5322 §3.6",
		Text: "a header field stands twice that may stand once: which of them counts differs from program to program",
	})
	FieldMissing = define(Rule{
		ID: "mime.missing-field", Severity: decode.Note, Ref: "RFC 5322 §3.6",
		Text: "the message has no From or no Date, which every message that was sent has",
	})
	EncodedWord = define(Rule{
		ID: "mime.encoded-word", Severity: decode.Note, Ref: "RFC 2047 §2",
		Text: "what looks like an encoded word in a header cannot be decoded, so that it is shown as it is",
	})
	ParameterContinuation = define(Rule{
		ID: "mime.parameter-continuation", Severity: decode.Warning, Ref: "RFC 2231 §3",
		Text: "a parameter is cut into pieces of which one is missing, twice there or badly numbered: a file name may come out wrong",
	})
	CharsetUnknown = define(Rule{
		ID: "mime.charset-unknown", Severity: decode.Note, Ref: "RFC 2046 §4.1.2",
		Text: "the text is in a charset that is not known here, and perhaps not to the reader's program",
	})
	CharsetMissing = define(Rule{
		ID: "mime.charset-missing", Severity: decode.Warning, Ref: "RFC 2046 §4.1.2",
		Text: "the text has octets beyond ASCII and no charset that says what they mean",
	})
	BodyEightBit = define(Rule{
		ID: "mime.8bit-body", Severity: decode.Warning, Ref: "RFC 2045 §6.2",
		Text: "the body has octets beyond ASCII although its transfer encoding says that it has none",
	})
	EncodingUnknown = define(Rule{
		ID: "mime.encoding-unknown", Severity: decode.Warning, Ref: "RFC 2045 §6.1",
		Text: "the transfer encoding is none that is registered: programs cannot decode the part",
	})
	EncodingOnComposite = define(Rule{
		ID: "mime.encoding-on-composite", Severity: decode.Warning, Ref: "RFC 2045 §6.4",
		Text: "a multipart or an attached message is said to be encoded as a whole, which is not allowed: programs may not find what is in it",
	})
	BoundaryMissing = define(Rule{
		ID: "mime.boundary-missing", Severity: decode.Warning, Ref: "RFC 2046 §5.1.1",
		Text: "a multipart has no boundary, so its parts cannot be found",
	})
	BoundaryDuplicate = define(Rule{
		ID: "mime.boundary-duplicate", Severity: decode.Warning, Ref: "RFC 2045 §5",
		Text: "a multipart has two boundary parameters: programs differ on which counts, and so on what the parts are",
	})
	BoundaryInvalid = define(Rule{
		ID: "mime.boundary-invalid", Severity: decode.Warning, Ref: "RFC 2046 §5.1.1",
		Text: "a boundary is longer than the 70 octets that are allowed",
	})
	BoundaryNested = define(Rule{
		ID: "mime.boundary-nested", Severity: decode.Warning, Ref: "RFC 2046 §5.1.2",
		Text: "a multipart has the boundary of one that it stands in: where the inner one ends is a guess",
	})
	BoundaryPrefix = define(Rule{
		ID: "mime.boundary-prefix", Severity: decode.Note, Ref: "RFC 2046 §5.1.1",
		Text: "the boundary of a multipart begins with that of one around it: programs that compare only its beginning end the inner one early",
	})
	BoundaryOpen = define(Rule{
		ID: "mime.boundary-open", Severity: decode.Warning, Ref: "RFC 2046 §5.1.1",
		Text: "a multipart has no closing boundary: the message may have been cut short",
	})
	Base64Invalid = define(Rule{
		ID: "mime.base64-invalid", Severity: decode.Error, Ref: "RFC 2045 §6.8",
		Text: "base64 has octets that are not base64, or goes on behind its padding: programs skip them, stop there or give up",
	})
	Base64Padding = define(Rule{
		ID: "mime.base64-padding", Severity: decode.Warning, Ref: "RFC 2045 §6.8",
		Text: "base64 ends in the middle of a group of four: its last octets may be lost",
	})
	QuotedPrintable = define(Rule{
		ID: "mime.quoted-printable", Severity: decode.Warning, Ref: "RFC 2045 §6.7",
		Text: "in quoted-printable text an equals sign has neither two hexadecimal digits nor a line end behind it",
	})
	QuotedPrintableSpace = define(Rule{
		ID: "mime.quoted-printable-space", Severity: decode.Note, Ref: "RFC 2045 §6.7",
		Text: "a line of quoted-printable text ends with white space, which decoders take away",
	})
	QuotedPrintableLine = define(Rule{
		ID: "mime.quoted-printable-line", Severity: decode.Note, Ref: "RFC 2045 §6.7",
		Text: "a line of quoted-printable text is longer than 76 octets",
	})
)
