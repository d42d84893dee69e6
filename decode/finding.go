package decode

// Severity orders findings.
type Severity uint8

const (
	Note    Severity = iota // legal but worth knowing
	Warning                 // against the RFC
	Error                   // framing or data at risk
)

// String gives "note", "warning" or "error".
func (s Severity) String() string { return [...]string{"note", "warning", "error"}[s] }

// Finding is something worth telling about an event. Package rules has the table of them all.
type Finding struct {
	ID       string // stable, such as "starttls.command-injection"
	Severity Severity
	Ref      string // RFC and section
	Text     string // one sentence: what it means for the user
	Fact     string // what stood there, such as "LIST said 1405, 1407 octets came"; may be empty
	Dir      Dir    // whose octets
	Span     Span   // the octets
}
