package decode

import "time"

// Next is what the caller has to do after a Write.
type Next uint8

const (
	// Continue: read on.
	Continue Next = iota
	// Park: a STARTTLS or STLS is unanswered. Do not write this direction further until
	// the other direction's Write says TLSHere or Release, unless it goes on with what does
	// not begin a TLS record. Octets that were not taken begin one, or may, and belong to
	// the handshake; offer them again with what follows them, or after Release.
	Park
	// TLSHere: STARTTLS was accepted; what follows the octets taken, in both
	// directions, is TLS. Call Resume for it.
	TLSHere
	// Release: STARTTLS was refused (or its answer was already there); a parked
	// direction reads on. The session needs no Resume.
	Release
)

// Resume says how a connection goes on after TLSHere.
type Resume uint8

const (
	Terminated Resume = iota // the cleartext inside the TLS follows
	Ciphertext               // TLS was not intercepted: nothing can be read any more
)

// Session decodes both directions of one connection. It is not safe for use from
// two goroutines at once. It never fails: what a peer sent wrongly is an event.
type Session interface {
	// Write takes the next octets of one direction. It gives how many it took, what has
	// to happen next, and the events completed, which are valid until the next call.
	// n < len(p) only with Park or TLSHere; the caller offers the rest again.
	Write(d Dir, t time.Time, p []byte) (n int, next Next, events []Event)
	// Resume says how the connection goes on, after TLSHere. Resume(Terminated) before
	// the first octet says that the connection began with TLS.
	Resume(how Resume, t time.Time) []Event
	// Gap says that n octets of one direction are missing (n < 0: an unknown number).
	Gap(d Dir, t time.Time, n int64) []Event
	// Close says that one direction ended. Unfinished lines and bodies become events.
	Close(d Dir, t time.Time) []Event
	// Pending gives the commands without a completion, and the octets of d that belong
	// to an unfinished line, literal or body.
	Pending(d Dir) (commands int, octets int64)
}

// Counter is what a Session is too whose protocol can compress: it tells how many octets of
// the cleartext stream of d went by, all layers removed.
type Counter interface{ Octets(d Dir) int64 }

// Stopper is what a Session is too that holds much memory, or more than memory.
// Stop gives it back; nothing else is called behind it. Closing both directions does so too.
type Stopper interface{ Stop() }

// Octets is one piece of the cleartext stream as a recorder may keep it.
type Octets struct {
	Dir  Dir
	Time time.Time
	P    []byte // valid during the call only
	End  bool   // a synthetic segment should end behind P: a client line, a completion
	Fill bool   // P holds filler in the place of secrets
	Body bool   // P is RFC 5322 content: a message or a part of one
}

// Options configure a Session. The zero value decodes with default limits, without a
// recorder, secrets held back.
type Options struct {
	Limits  Limits
	Secrets bool // leave secrets in clear in texts and in Tap
	// Tap, where set, gets every octet of the cleartext stream once, each direction in
	// order, before the event that it completes is returned. It must not block.
	Tap func(Octets)
	// TLS says that the cleartext came out of TLS, so that it raises no cleartext alarm.
	TLS bool
	// Inflated says that compression was removed already, as in a capture of ours: a layer
	// that begins is told, and not looked into.
	Inflated bool
	// Bare leaves out the typed Details that only a reader needs (trees, lists): nobody will look
	// at them. Findings, states and numbers are the same.
	Bare bool
	// Unseen says that nobody looks at events, but for their findings, states and marks: Bare, and more.
	// What says nothing of these may have no event, which may depend on how the stream is cut.
	Unseen bool
	// Bodiless says that message content is filler, as in a capture that was recorded without
	// bodies: it has no parts, and nothing is found in it.
	Bodiless bool
	// Direct says that the client speaks to the server itself: no proxy stands between them.
	Direct bool
	// Mid says that the stream may begin in mid-session (a foreign capture).
	Mid bool
}

// Limits bound the memory of a Session. Zero fields take the default.
type Limits struct {
	Line     int // octets of text kept a line; framing goes on without limit (64 KiB)
	Commands int // commands kept in full while unanswered (4,096)
	Queue    int // POP3: commands counted while unanswered, one octet each (1 Mi)
	Parts    int // MIME parts reported a message (1,000)
	Depth    int // nesting of MIME parts (100)
	Header   int // octets kept of one header field (4 KiB)
}

// WithDefaults fills in the zero fields.
func (l Limits) WithDefaults() Limits {
	set := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	set(&l.Line, 64<<10)
	set(&l.Commands, 4096)
	set(&l.Queue, 1<<20)
	set(&l.Parts, 1000)
	set(&l.Depth, 100)
	set(&l.Header, 4<<10)
	return l
}
