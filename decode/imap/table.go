package imap

// command is what the table knows of a command. Its arguments go to the recorder in
// clear unless credentials is set; those of a command that is not in the table never do.
type command struct {
	name        string
	credentials bool     // its arguments or what follows them hold secrets
	message     bool     // its literals are messages (RFC 5322 content)
	mailbox     bool     // its first argument is the mailbox that it selects
	data        []string // untagged responses that it asks for
}

var selectData = []string{"FLAGS", "EXISTS", "RECENT", "LIST", "OK", "CLOSED", "VANISHED", "FETCH"}

var commandList = []command{
	// RFC 9051 §6.1 to §6.4, RFC 3501 §6
	{name: "CAPABILITY", data: []string{"CAPABILITY"}},
	{name: "NOOP", data: []string{"EXISTS", "EXPUNGE", "RECENT", "FETCH", "VANISHED"}},
	{name: "LOGOUT", data: []string{"BYE"}},
	{name: "STARTTLS"},
	{name: "AUTHENTICATE", credentials: true, data: []string{"CAPABILITY"}},
	{name: "LOGIN", credentials: true, data: []string{"CAPABILITY"}},
	{name: "ENABLE", data: []string{"ENABLED"}},
	{name: "SELECT", mailbox: true, data: selectData},
	{name: "EXAMINE", mailbox: true, data: selectData},
	{name: "CREATE"},
	{name: "DELETE"},
	{name: "RENAME"},
	{name: "SUBSCRIBE"},
	{name: "UNSUBSCRIBE"},
	{name: "LIST", data: []string{"LIST", "LSUB", "STATUS", "METADATA", "MYRIGHTS"}},
	{name: "LSUB", data: []string{"LSUB"}},
	{name: "NAMESPACE", data: []string{"NAMESPACE"}},
	{name: "STATUS", data: []string{"STATUS"}},
	{name: "APPEND", message: true, data: []string{"EXISTS", "RECENT"}},
	{name: "IDLE", data: []string{"EXISTS", "EXPUNGE", "RECENT", "FETCH", "VANISHED"}},
	{name: "CHECK"},
	{name: "CLOSE"},
	{name: "UNSELECT"}, // RFC 3691
	{name: "EXPUNGE", data: []string{"EXPUNGE", "VANISHED"}},
	{name: "SEARCH", data: []string{"SEARCH", "ESEARCH"}},
	{name: "FETCH", data: []string{"FETCH", "VANISHED"}},
	{name: "STORE", data: []string{"FETCH"}},
	{name: "COPY", data: []string{"OK"}},
	{name: "MOVE", data: []string{"OK", "EXPUNGE", "VANISHED"}}, // RFC 6851
	{name: "UID"},
	{name: "UID EXPUNGE", data: []string{"EXPUNGE", "VANISHED"}}, // RFC 4315
	{name: "UID SEARCH", data: []string{"SEARCH", "ESEARCH"}},
	{name: "UID FETCH", data: []string{"FETCH", "VANISHED"}},
	{name: "UID STORE", data: []string{"FETCH"}},
	{name: "UID COPY", data: []string{"OK"}},
	{name: "UID MOVE", data: []string{"OK", "EXPUNGE", "VANISHED"}},
	{name: "UID SORT", data: []string{"SORT", "ESEARCH"}},
	{name: "UID THREAD", data: []string{"THREAD"}},
	{name: "UID REPLACE", message: true, data: []string{"EXISTS", "EXPUNGE", "OK"}}, // RFC 8508
	{name: "UID CONVERT", data: []string{"CONVERTED"}},                              // RFC 5259
	{name: "REPLACE", message: true, data: []string{"EXISTS", "EXPUNGE", "OK"}},
	{name: "CONVERT", data: []string{"CONVERTED"}},
	{name: "CONVERSIONS", data: []string{"CONVERSION"}},
	{name: "SORT", data: []string{"SORT", "ESEARCH"}}, // RFC 5256
	{name: "THREAD", data: []string{"THREAD"}},
	{name: "ESEARCH", data: []string{"ESEARCH"}},   // RFC 7377
	{name: "CANCELUPDATE"},                         // RFC 5267
	{name: "ID", data: []string{"ID"}},             // RFC 2971
	{name: "COMPRESS"},                             // RFC 4978
	{name: "UNAUTHENTICATE"},                       // RFC 8437
	{name: "NOTIFY", data: []string{"STATUS"}},     // RFC 5465
	{name: "LANGUAGE", data: []string{"LANGUAGE"}}, // RFC 5255
	{name: "COMPARATOR", data: []string{"COMPARATOR"}},
	{name: "GETACL", data: []string{"ACL"}}, // RFC 4314
	{name: "SETACL"},
	{name: "DELETEACL"},
	{name: "LISTRIGHTS", data: []string{"LISTRIGHTS"}},
	{name: "MYRIGHTS", data: []string{"MYRIGHTS"}},
	{name: "GETQUOTA", data: []string{"QUOTA"}}, // RFC 9208
	{name: "GETQUOTAROOT", data: []string{"QUOTAROOT", "QUOTA"}},
	{name: "SETQUOTA", data: []string{"QUOTA"}},
	{name: "GETMETADATA", data: []string{"METADATA"}}, // RFC 5464
	{name: "SETMETADATA"},
	{name: "GETANNOTATION", data: []string{"ANNOTATION"}},
	{name: "SETANNOTATION"},
	{name: "RLIST", data: []string{"LIST"}}, // RFC 2193
	{name: "RLSUB", data: []string{"LSUB"}},
	{name: "PARTIAL", data: []string{"FETCH"}}, // RFC 1730
	{name: "XLIST", data: []string{"XLIST"}},
	{name: "XAPPLEPUSHSERVICE", data: []string{"XAPPLEPUSHSERVICE"}},
}

var commands = func() map[string]*command {
	m := make(map[string]*command, len(commandList))
	for i := range commandList {
		m[commandList[i].name] = &commandList[i]
	}
	return m
}()

// responses are the names of untagged responses that are not spelled as in commands.
var responses = func() map[string]string {
	m := map[string]string{}
	for _, n := range []string{
		"OK", "NO", "BAD", "BYE", "PREAUTH", "CAPABILITY", "ENABLED", "LIST", "LSUB", "XLIST", "NAMESPACE", "STATUS",
		"ESEARCH", "SEARCH", "FLAGS", "EXISTS", "RECENT", "EXPUNGE", "VANISHED", "FETCH", "SORT", "THREAD", "ID",
		"ACL", "LISTRIGHTS", "MYRIGHTS", "QUOTA", "QUOTAROOT", "METADATA", "ANNOTATION", "LANGUAGE", "COMPARATOR",
		"CONVERSION", "CONVERTED", "GENURLAUTH", "URLFETCH", "XAPPLEPUSHSERVICE",
	} {
		m[n] = n
	}
	return m
}()

// longestName is more octets than any name in the tables has; a longer word is none.
const longestName = 24

// upper writes word in upper case to a buffer that a map lookup can use without
// allocating.
func upper(buf *[longestName]byte, word []byte) []byte {
	if len(word) > longestName {
		return nil
	}
	for i, c := range word {
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		buf[i] = c
	}
	return buf[:len(word)]
}

func responseName(word []byte) string {
	if string(word) == "FETCH" {
		return "FETCH"
	}
	var buf [longestName]byte
	if n, ok := responses[string(upper(&buf, word))]; ok {
		return n
	}
	return unknownName(word)
}

// unknownName is what is kept of a name that no table has: at most 64 octets.
func unknownName(word []byte) string {
	b := make([]byte, 0, 64)
	for _, c := range word[:min(len(word), 64)] {
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		b = append(b, c)
	}
	return string(b)
}
