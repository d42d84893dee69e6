package replay

import (
	"crypto/x509"
	"time"
)

// Mode says where a [TestServer] has its replies from.
type Mode uint8

const (
	ReplayOnly  Mode = iota // the recording; what is not in it fails the test
	RecordOnce              // the upstream where there is no recording yet, which is made then; else the recording
	RecordAll               // the upstream always, and the recording is made anew
	PassThrough             // the upstream always, and nothing is kept
)

func (m Mode) String() string {
	if int(m) < len(modeNames) {
		return modeNames[m]
	}
	return "unknown mode"
}

var modeNames = [...]string{"replay only", "record once", "record all", "pass through"}

// Option changes what [NewServer] or [Drive] does.
type Option func(*testOptions)

type testOptions struct {
	mode        Mode
	upstream    string
	roots       *x509.CertPool
	scheme      string
	user        string
	password    string
	vars        map[string]string
	anyOrder    bool
	allConsumed bool
	changes     bool
	timeout     time.Duration
}

// WithMode says where NewServer has its replies from; [ReplayOnly] where it is left out.
func WithMode(m Mode) Option { return func(o *testOptions) { o.mode = m } }

// WithUpstream names the live server for NewServer's other modes, such as
// imaps://imap.example.org. roots are trusted besides the system's; they may be nil.
func WithUpstream(url string, roots *x509.CertPool) Option {
	return func(o *testOptions) { o.upstream, o.roots = url, roots }
}

// WithScheme says how clients reach a NewServer: imap, imaps, imap+starttls, pop3, pop3s,
// pop3+starttls. Where it is left out it is imaps or pop3s, by the recording's first connection.
func WithScheme(scheme string) Option { return func(o *testOptions) { o.scheme = scheme } }

// WithLogin is the user and the password: NewServer refuses others, and accepts any where it is
// left out; Drive logs in with them.
func WithLogin(user, password string) Option {
	return func(o *testOptions) { o.user, o.password = user, password }
}

// WithVars gives values to variables of the script.
func WithVars(vars map[string]string) Option { return func(o *testOptions) { o.vars = vars } }

// WithRoots are certificates that Drive trusts besides the system's.
func WithRoots(roots *x509.CertPool) Option { return func(o *testOptions) { o.roots = roots } }

// InAnyOrder lets clients of NewServer say what is recorded in another order.
func InAnyOrder() Option { return func(o *testOptions) { o.anyOrder = true } }

// AllConsumed fails the test where a NewServer was not asked for all that is recorded.
func AllConsumed() Option { return func(o *testOptions) { o.allConsumed = true } }

// AllowChanges lets Drive play the commands that change the mailbox.
func AllowChanges() Option { return func(o *testOptions) { o.changes = true } }

// WithTimeout is how long a reply, or the next command, may take; 30 s where it is left out.
func WithTimeout(d time.Duration) Option { return func(o *testOptions) { o.timeout = d } }

func optionsOf(options []Option) testOptions {
	o := testOptions{timeout: 30 * time.Second}
	for _, option := range options {
		option(&o)
	}
	return o
}
