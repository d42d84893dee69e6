package captures

import (
	"time"

	"github.com/mailtrace/mailtrace/captures/internal/tcp"
)

// captured is one thing that somebody captured on a link.
type captured struct {
	link   tcp.Link
	at     time.Time
	p      []byte // what was captured of it, valid until the next record
	octets int    // how many octets it had on the link
	offset int64
}

// records are what a foreign file holds. The errors are io.EOF, *Truncated and *Damaged.
type records interface {
	next() (captured, error)
}

// largestTime bounds the times that a file may claim: the end of the year 9999.
const largestTime = 253402300799

// timeOf gives a time in microseconds, as all of a capture are.
func timeOf(seconds, nanos int64) time.Time {
	return time.Unix(min(max(seconds, 0), largestTime), nanos/1000*1000).UTC()
}
