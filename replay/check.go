package replay

import "errors"

// credentials are the variables that the player knows without the script.
var credentials = map[string]bool{"user": true, "password": true, "token": true, "sasl": true}

// Check tells whether a side can speak all its lines: every value there has a sample or is
// bound above, and every literal has octets. The error joins one *Error a place. Variables
// that the player is given, and credentials, need no sample: name those in given.
func (s *Script) Check(side Side, given ...string) error {
	bound := map[string]bool{}
	for _, name := range given {
		bound[name] = true
	}
	var errs []error
	for _, it := range s.Steps() {
		l, ok := it.(*Line)
		if !ok || l.Forbidden {
			continue
		}
		for _, n := range l.Pattern {
			switch n := n.(type) {
			case *Value:
				if l.Side == side && n.Kind != Rest && !n.Has && !bound[n.Name] && !credentials[n.Name] {
					errs = append(errs, errorAt(n.Pos, "expected a sample, %s: the %s says it here and knows no value", sampled(n), side))
				}
				if n.Kind == Variable {
					bound[n.Name] = true
				}
			case *Literal:
				if l.Side == side && n.Kind == ToFile {
					errs = append(errs, errorAt(n.Pos, "expected {%s}: the %s says it here, nothing comes that {>%s} could store", n.Name, side, n.Name))
				}
			}
		}
	}
	return errors.Join(errs...)
}

// sampled shows how a value with a sample is written.
func sampled(v *Value) string {
	name := v.Name
	if v.Kind == AnyOne {
		name = "*"
	}
	return "${" + name + "=…}"
}
