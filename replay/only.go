package replay

// Only gives the part of a script that speaks one protocol, nil where there is none. Included
// scripts are in their place; the items are those of s.
func (s *Script) Only(protocol Protocol) *Script {
	part := &Script{Name: s.Name, Notes: s.Notes}
	mine := map[string]bool{}
	for _, c := range s.Conns {
		if c.Protocol == protocol {
			part.Conns = append(part.Conns, c)
			mine[c.Name] = true
		}
	}
	if len(part.Conns) == 0 {
		return nil
	}
	for _, it := range s.Steps() {
		switch it := it.(type) {
		case *Line:
			if !mine[it.Conn] {
				continue
			}
		case *Directive:
			switch it.Verb {
			case Connect, Login, StartTLS, Wait, Pause:
				if !mine[it.Conn] {
					continue
				}
			}
		}
		part.Items = append(part.Items, it)
	}
	return part
}
