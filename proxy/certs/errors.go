package certs

// Error says what is wrong with which file of a CA, and what helps.
type Error struct {
	Op     string // what was being done: "read", "create", "check", "find"
	Path   string // the file or directory concerned; "" where there is none yet
	Err    error  // what went wrong
	Advice string // what the user can do about it; may be ""
}

func (e *Error) Error() string {
	if e.Path == "" {
		return "certs: " + e.Op + " CA: " + e.Err.Error()
	}
	return "certs: " + e.Op + " " + e.Path + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Hint is the advice for the user: one line, lower case, "" where there is none.
func (e *Error) Hint() string { return e.Advice }
