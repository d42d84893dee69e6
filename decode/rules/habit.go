package rules

import "github.com/mailtrace/mailtrace/decode"

// What IMAP clients do within the rules, and could do with fewer round trips or octets, or
// without changing flags.
var (
	HabitSetsSeen = define(Rule{
		ID: "habit.sets-seen", Severity: decode.Note, Ref: "RFC 9051 §6.4.5",
		Text: "the client fetches content without PEEK, which marks each message as \\Seen",
	})
	HabitOneByOne = define(Rule{
		ID: "habit.one-by-one", Severity: decode.Note, Ref: "RFC 2683 §3.2.1.2",
		Text: "the client asks for one message at a time, each a round trip, where one FETCH of a set would do",
	})
	HabitPolling = define(Rule{
		ID: "habit.polling", Severity: decode.Note, Ref: "RFC 9051 §6.1.2, RFC 2177 §1",
		Text: "the client polls for news where the server offers IDLE",
	})
	HabitListAgain = define(Rule{
		ID: "habit.list-again", Severity: decode.Note, Ref: "RFC 2683 §3.2.1.1",
		Text: "the client asks for the list of all mailboxes over and over",
	})
	HabitSelectAgain = define(Rule{
		ID: "habit.select-again", Severity: decode.Note, Ref: "RFC 9051 §6.3.2",
		Text: "the client selects the mailbox that is selected already, again and again; NOOP tells the news",
	})
	HabitCapabilityAgain = define(Rule{
		ID: "habit.capability-again", Severity: decode.Note, Ref: "RFC 9051 §7.2.2",
		Text: "the client asks for capabilities that it was told already, and nothing changed since",
	})
	HabitSearchAll = define(Rule{
		ID: "habit.search-all", Severity: decode.Note, Ref: "RFC 9051 §6.4.4",
		Text: "the client searches for all messages: sequence numbers run from 1 to EXISTS anyhow, and UID FETCH 1:* (FLAGS) tells UIDs and flags at once",
	})
	HabitLoginAgain = define(Rule{
		ID: "habit.login-again", Severity: decode.Note, Ref: "RFC 9051 §11.7",
		Text: "the client tries to log in again and again on one connection; servers slow down or lock out who does that",
	})
	HabitFetchAgain = define(Rule{
		ID: "habit.fetch-again", Severity: decode.Note, Ref: "RFC 9051 §6.4.5",
		Text: "the client fetches content that it fetched before on this connection; what belongs to a UID never changes",
	})
	HabitLongIdle = define(Rule{
		ID: "habit.long-idle", Severity: decode.Note, Ref: "RFC 9051 §6.3.13",
		Text: "an IDLE lasted longer than 29 minutes: servers and routers may have dropped it silently",
	})
)
