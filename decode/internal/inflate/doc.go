// Package inflate decompresses a DEFLATE stream (RFC 1951) that is pushed into it piece by
// piece, cut anywhere, and gives each octet as soon as the bits that mean it are there.
//
// RFC 4978 §3 lets a sender flush as it likes. zlib's partial flush ends with an empty
// block of fixed codes and may hold back its last bits, up to seven, until the sender has
// more to say: so nothing here waits for a bit behind the one that decides.
//
//	                ┌────────────────── not the final block ──────────────────┐
//	                ▼                                                         │
//	         ┌── header ──┐                                                   │
//	         │            ├─ stored ──► sizes ──────────────► octets ─────────┤
//	Push ──► │ 3 bits     ├─ fixed ─────────────────────────► elements ───────┤
//	         │            └─ dynamic ─► counts ─► precode ─► lengths ─► elements
//	                                                                          │
//	                     over ◄──────────── the final block ──────────────────┘
//
// Every step takes a whole element (a header field, a code with its extra bits, a length
// with its distance) or leaves its bits for the next Push. What was decompressed is given
// at the end of each block, where the input ends, before an error, and whenever there is a
// chunk of it.
//
// The standard library's reader, and those made after it, pull their input and ask for
// more bits than decide a code, and so they keep back what a partial flush was to send.
package inflate
