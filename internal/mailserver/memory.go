package mailserver

import "bytes"

// memory keeps mail as long as the process lives.
type memory struct{}

func (memory) read(m *message) ([]byte, error) { return m.octets, nil }

func (memory) add(m *message, octets []byte) error {
	m.octets = bytes.Clone(octets)
	return nil
}

func (memory) setFlags(*message, []string) error { return nil }
func (memory) remove(*message) error             { return nil }
func (memory) fits(string) error                 { return nil }
func (memory) create(*mailbox) error             { return nil }
func (memory) drop(*mailbox) error               { return nil }
func (memory) rename(*mailbox, string) error     { return nil }
func (memory) subscribe(*mailbox, bool) error    { return nil }
func (memory) look(*mailbox) error               { return nil }
