package grammar

import "github.com/mailtrace/mailtrace/decode"

// States is a set of protocol states.
type States uint8

// Has tells whether a state is in the set.
func (s States) Has(x decode.State) bool { return s&(1<<x) != 0 }

func states(of ...decode.State) (s States) {
	for _, x := range of {
		s |= 1 << x
	}
	return s
}

var (
	anyState      = states(decode.NotAuthenticated, decode.Authenticated, decode.Selected)
	before        = states(decode.NotAuthenticated)
	authenticated = states(decode.Authenticated, decode.Selected)
	notSelected   = states(decode.Authenticated)
	selected      = states(decode.Selected)
)

// Info is what is known of a command.
type Info struct {
	Name         string   // canonical: "UID FETCH"
	States       States   // in which the RFC allows it
	Capabilities []string // of which one must have been advertised, in upper case; what ends in "=" begins one. None: IMAP4rev1 has it
	Ref          string   // RFC and section
}

// Known gives what is known of a command by its canonical name, nil where it is unknown. It is not
// to be changed.
func Known(name string) *Info {
	if len(name) > 4 && name[:4] == "UID " {
		if e := uidCommands[name[4:]]; e != nil {
			return &e.Info
		}
		return nil
	}
	if e := commands[name]; e != nil {
		return &e.Info
	}
	return nil
}

// entry is a command with what parses its arguments, nil where it has none.
type entry struct {
	Info
	parse func(*Parser, *Command)
}

var (
	acl      = []string{"ACL"}
	quota    = []string{"QUOTA", "QUOTA="}
	metadata = []string{"METADATA", "METADATA-SERVER"}
	sorting  = []string{"SORT", "SORT=", "ESORT"}
	threads  = []string{"THREAD="}
	urlauth  = []string{"URLAUTH"}
)

// commands are the commands but those behind UID. What RFC 9051 Appendix E folded in goes with
// IMAP4REV2 alone, too.
var commands, uidCommands = func() (plain, uid map[string]*entry) {
	plain, uid = map[string]*entry{}, map[string]*entry{}
	for _, e := range []entry{
		{Info{"CAPABILITY", anyState, nil, "RFC 9051 §6.1.1"}, nil},
		{Info{"NOOP", anyState, nil, "RFC 9051 §6.1.2"}, nil},
		{Info{"LOGOUT", anyState, nil, "RFC 9051 §6.1.3"}, nil},
		{Info{"ID", anyState, []string{"ID"}, "RFC 2971 §3.1"}, (*Parser).id},
		{Info{"LANGUAGE", anyState, []string{"LANGUAGE"}, "RFC 5255 §3.2"}, (*Parser).anyWords},
		{Info{"COMPARATOR", authenticated, []string{"I18NLEVEL=2"}, "RFC 5255 §4.7"}, (*Parser).anyWords},
		{Info{"COMPRESS", authenticated, []string{"COMPRESS="}, "RFC 4978 §3"}, (*Parser).compress},
		{Info{"STARTTLS", before, nil, "RFC 9051 §6.2.1"}, nil},
		{Info{"AUTHENTICATE", before, nil, "RFC 9051 §6.2.2"}, (*Parser).authenticate},
		{Info{"LOGIN", before, nil, "RFC 9051 §6.2.3"}, (*Parser).login},
		{Info{"UNAUTHENTICATE", authenticated, []string{"UNAUTHENTICATE"}, "RFC 8437 §3"}, nil},
		// QRESYNC and UTF8=ACCEPT go with ENABLE (RFC 7162 §3.2.3, RFC 6855 §3).
		{Info{"ENABLE", notSelected, []string{"ENABLE", "CONDSTORE", "QRESYNC", "UTF8=", revision2}, "RFC 9051 §6.3.1"}, (*Parser).enable},
		{Info{"SELECT", authenticated, nil, "RFC 9051 §6.3.2"}, (*Parser).selects},
		{Info{"EXAMINE", authenticated, nil, "RFC 9051 §6.3.3"}, (*Parser).selects},
		{Info{"CREATE", authenticated, nil, "RFC 9051 §6.3.4"}, (*Parser).create},
		{Info{"DELETE", authenticated, nil, "RFC 9051 §6.3.5"}, (*Parser).mailboxOnly},
		{Info{"RENAME", authenticated, nil, "RFC 9051 §6.3.6"}, (*Parser).rename},
		{Info{"SUBSCRIBE", authenticated, nil, "RFC 9051 §6.3.7"}, (*Parser).mailboxOnly},
		{Info{"UNSUBSCRIBE", authenticated, nil, "RFC 9051 §6.3.8"}, (*Parser).mailboxOnly},
		{Info{"LIST", authenticated, nil, "RFC 9051 §6.3.9"}, (*Parser).lists},
		{Info{"LSUB", authenticated, nil, "RFC 3501 §6.3.9"}, (*Parser).lists},
		{Info{"XLIST", authenticated, []string{"XLIST"}, "Gmail IMAP extensions"}, (*Parser).lists},
		{Info{"RLIST", authenticated, []string{"MAILBOX-REFERRALS"}, "RFC 2193 §5.1"}, (*Parser).lists},
		{Info{"RLSUB", authenticated, []string{"MAILBOX-REFERRALS"}, "RFC 2193 §5.2"}, (*Parser).lists},
		{Info{"NAMESPACE", authenticated, []string{"NAMESPACE", revision2}, "RFC 9051 §6.3.10"}, nil},
		{Info{"STATUS", authenticated, nil, "RFC 9051 §6.3.11"}, (*Parser).statusCommand},
		{Info{"APPEND", authenticated, nil, "RFC 9051 §6.3.12"}, (*Parser).append},
		{Info{"IDLE", authenticated, []string{"IDLE", revision2}, "RFC 9051 §6.3.13"}, nil},
		{Info{"NOTIFY", authenticated, []string{"NOTIFY"}, "RFC 5465 §3.1"}, (*Parser).notify},
		{Info{"ESEARCH", authenticated, []string{"MULTISEARCH"}, "RFC 7377 §2"}, (*Parser).multiSearch},
		{Info{"UID ESEARCH", authenticated, []string{"MULTISEARCH"}, "RFC 7377 §2"}, (*Parser).multiSearch},
		{Info{"CONVERSIONS", authenticated, []string{"CONVERT"}, "RFC 5259 §5.1"}, (*Parser).oneOrMore},
		{Info{"SETACL", authenticated, acl, "RFC 4314 §3.1"}, (*Parser).aclCommand},
		{Info{"DELETEACL", authenticated, acl, "RFC 4314 §3.2"}, (*Parser).aclCommand},
		{Info{"GETACL", authenticated, acl, "RFC 4314 §3.3"}, (*Parser).mailboxOnly},
		{Info{"LISTRIGHTS", authenticated, acl, "RFC 4314 §3.4"}, (*Parser).aclCommand},
		{Info{"MYRIGHTS", authenticated, acl, "RFC 4314 §3.5"}, (*Parser).mailboxOnly},
		{Info{"GETQUOTA", authenticated, quota, "RFC 9208 §4.1.1"}, (*Parser).quotaCommand},
		{Info{"GETQUOTAROOT", authenticated, quota, "RFC 9208 §4.1.2"}, (*Parser).mailboxOnly},
		{Info{"SETQUOTA", authenticated, []string{"QUOTASET", "QUOTA"}, "RFC 9208 §4.1.3"}, (*Parser).quotaCommand},
		{Info{"GETMETADATA", authenticated, metadata, "RFC 5464 §4.2"}, (*Parser).getMetadata},
		{Info{"SETMETADATA", authenticated, metadata, "RFC 5464 §4.3"}, (*Parser).setMetadata},
		{Info{"GETANNOTATION", authenticated, nil, "draft-daboo-imap-annotatemore"}, (*Parser).unknownCommand},
		{Info{"SETANNOTATION", authenticated, nil, "draft-daboo-imap-annotatemore"}, (*Parser).unknownCommand},
		{Info{"XAPPLEPUSHSERVICE", authenticated, []string{"XAPPLEPUSHSERVICE"}, "Apple"}, (*Parser).pushService},
		{Info{"PARTIAL", selected, nil, "RFC 1730 §6.4.6"}, (*Parser).unknownCommand},
		{Info{"CHECK", selected, nil, "RFC 3501 §6.4.1"}, nil},
		{Info{"CLOSE", selected, nil, "RFC 9051 §6.4.1"}, nil},
		{Info{"UNSELECT", selected, []string{"UNSELECT", revision2}, "RFC 9051 §6.4.2"}, nil},
		{Info{"EXPUNGE", selected, nil, "RFC 9051 §6.4.3"}, nil},
		{Info{"UID EXPUNGE", selected, []string{"UIDPLUS", revision2}, "RFC 9051 §6.4.9"}, (*Parser).setOnly},
		{Info{"SEARCH", selected, nil, "RFC 9051 §6.4.4"}, (*Parser).search},
		{Info{"UID SEARCH", selected, nil, "RFC 9051 §6.4.9"}, (*Parser).search},
		{Info{"FETCH", selected, nil, "RFC 9051 §6.4.5"}, (*Parser).fetch},
		{Info{"UID FETCH", selected, nil, "RFC 9051 §6.4.9"}, (*Parser).fetch},
		{Info{"STORE", selected, nil, "RFC 9051 §6.4.6"}, (*Parser).store},
		{Info{"UID STORE", selected, nil, "RFC 9051 §6.4.9"}, (*Parser).store},
		{Info{"COPY", selected, nil, "RFC 9051 §6.4.7"}, (*Parser).copy},
		{Info{"UID COPY", selected, nil, "RFC 9051 §6.4.9"}, (*Parser).copy},
		{Info{"MOVE", selected, []string{"MOVE", revision2}, "RFC 9051 §6.4.8"}, (*Parser).copy},
		{Info{"UID MOVE", selected, []string{"MOVE", revision2}, "RFC 9051 §6.4.9"}, (*Parser).copy},
		{Info{"REPLACE", selected, []string{"REPLACE"}, "RFC 8508 §3.2"}, (*Parser).replace},
		{Info{"UID REPLACE", selected, []string{"REPLACE"}, "RFC 8508 §3.3"}, (*Parser).replace},
		{Info{"CONVERT", selected, []string{"CONVERT"}, "RFC 5259 §6"}, (*Parser).convert},
		{Info{"UID CONVERT", selected, []string{"CONVERT"}, "RFC 5259 §6"}, (*Parser).convert},
		{Info{"SORT", selected, sorting, "RFC 5256 §3"}, (*Parser).sort},
		{Info{"UID SORT", selected, sorting, "RFC 5256 §3"}, (*Parser).sort},
		{Info{"THREAD", selected, threads, "RFC 5256 §3"}, (*Parser).threads},
		{Info{"UID THREAD", selected, threads, "RFC 5256 §3"}, (*Parser).threads},
		{Info{"CANCELUPDATE", selected, []string{"CONTEXT=", "ESORT"}, "RFC 5267 §4.3.5"}, (*Parser).oneOrMore},
		{Info{"GENURLAUTH", authenticated, urlauth, "RFC 4467"}, (*Parser).unknownCommand},
		{Info{"RESETKEY", authenticated, urlauth, "RFC 4467"}, (*Parser).unknownCommand},
		{Info{"URLFETCH", authenticated, urlauth, "RFC 4467"}, (*Parser).unknownCommand},
	} {
		if len(e.Name) > 4 && e.Name[:4] == "UID " {
			uid[e.Name[4:]] = &e
		} else {
			plain[e.Name] = &e
		}
	}
	return plain, uid
}()

var commandWords, uidCommandWords = wordsOf(commands), wordsOf(uidCommands)
