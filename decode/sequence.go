package decode

// Sequencer numbers events in the order in which they are published, over all
// connections, and lets replies refer to the number of their command. It is not safe
// for concurrent use: publisher and recorder share one lock around it.
type Sequencer struct{ last uint64 }

// Number gives every event its number, in place.
func (s *Sequencer) Number(events []Event) {
	for i := range events {
		s.last++
		events[i].Seq = s.last
		if events[i].Kind == CommandLine && events[i].Command != nil {
			events[i].Command.Seq = s.last
		}
	}
}

// Last is the number given last.
func (s *Sequencer) Last() uint64 { return s.last }
