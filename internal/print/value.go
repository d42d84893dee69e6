package print

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
)

// field is how one field of a struct is written.
type field struct {
	index  []int
	name   string
	always bool // also where it is zero
}

// plans are the fields of the Detail types seen so far, by reflect.Type.
var plans sync.Map

// planOf gives the exported fields of a struct under the names of their json tags, or
// their own in snake case; a duration's name says that it is in microseconds.
func planOf(t reflect.Type) []field {
	if p, ok := plans.Load(t); ok {
		return p.([]field)
	}
	var plan []field
	for _, f := range reflect.VisibleFields(t) {
		if !f.IsExported() || f.Anonymous || throughPointer(t, f.Index) {
			continue
		}
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if tag == "-" {
			continue
		}
		x := field{index: f.Index, name: tag, always: tag != "" && !strings.Contains(options, "omit")}
		if tag == "" {
			x.name = snake(f.Name)
			if f.Type == reflect.TypeFor[time.Duration]() {
				x.name += "_us"
			}
		}
		plan = append(plan, x)
	}
	plans.Store(t, plan)
	return plan
}

// throughPointer tells whether a promoted field lies behind an embedded pointer, which
// may be nil.
func throughPointer(t reflect.Type, index []int) bool {
	for _, i := range index[:len(index)-1] {
		if t = t.Field(i).Type; t.Kind() == reflect.Pointer {
			return true
		}
	}
	return false
}

// snake turns MessageID into message_id.
func snake(name string) string {
	var b strings.Builder
	rs := []rune(name)
	for i, r := range rs {
		lowerBefore := i > 0 && !unicode.IsUpper(rs[i-1])
		lowerBehind := i > 0 && i+1 < len(rs) && unicode.IsLower(rs[i+1])
		if unicode.IsUpper(r) && (lowerBefore || lowerBehind) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// valueDepth bounds nesting, so that a cycle ends.
const valueDepth = 400

var stringer = reflect.TypeFor[fmt.Stringer]()

// appendValue appends any value as JSON. Unlike encoding/json it writes octets as the
// contract does, never in base64, and leaves out zero fields without a tag. ok is false
// for what JSON cannot say.
func appendValue(b []byte, v reflect.Value, depth int) (_ []byte, ok bool) {
	if !v.IsValid() || depth > valueDepth {
		return b, false
	}
	switch k := v.Kind(); k {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return b, false
		}
		return appendValue(b, v.Elem(), depth+1)
	case reflect.Bool:
		return strconv.AppendBool(b, v.Bool()), true
	case reflect.String:
		return appendString(b, v.String()), true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if v.Type() == reflect.TypeFor[time.Duration]() {
			return strconv.AppendInt(b, time.Duration(v.Int()).Microseconds(), 10), true
		}
		if s, ok := named(v); ok {
			return appendString(b, s), true
		}
		return strconv.AppendInt(b, v.Int(), 10), true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if s, ok := named(v); ok {
			return appendString(b, s), true
		}
		return strconv.AppendUint(b, v.Uint(), 10), true
	case reflect.Float32, reflect.Float64:
		if f := v.Float(); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return strconv.AppendFloat(b, f, 'g', -1, 64), true
		}
	case reflect.Slice, reflect.Array:
		if k == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			return appendString(b, v.Bytes()), true
		}
		return appendList(b, v, depth), true
	case reflect.Map:
		return appendMap(b, v, depth)
	case reflect.Struct:
		if t, ok := v.Interface().(time.Time); ok {
			return append(appendTime(append(b, '"'), t), '"'), true
		}
		return appendStruct(b, v, depth), true
	}
	return b, false
}

// named gives the word for a number of a type that has words, such as decode.State.
func named(v reflect.Value) (_ string, ok bool) {
	if !v.Type().Implements(stringer) || !v.CanInterface() {
		return "", false
	}
	defer func() { ok = recover() == nil && ok }() // a number out of range may have no word
	return v.Interface().(fmt.Stringer).String(), true
}

func appendList(b []byte, v reflect.Value, depth int) []byte {
	b = append(b, '[')
	for i := range v.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		before := len(b)
		var ok bool
		if b, ok = appendValue(b, v.Index(i), depth+1); !ok {
			b = append(b[:before], "null"...)
		}
	}
	return append(b, ']')
}

func appendMap(b []byte, v reflect.Value, depth int) ([]byte, bool) {
	if v.Type().Key().Kind() != reflect.String {
		return b, false
	}
	names := v.MapKeys()
	slices.SortFunc(names, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	o := object{b: b}
	for _, name := range names {
		o.value(name.String(), v.MapIndex(name), depth)
	}
	return o.end(), true
}

func appendStruct(b []byte, v reflect.Value, depth int) []byte {
	o := object{b: b}
	for _, f := range planOf(v.Type()) {
		x := v.FieldByIndex(f.index)
		if f.always || !x.IsZero() {
			o.value(f.name, x, depth)
		}
	}
	return o.end()
}

// value appends a field, unless JSON cannot say its value.
func (o *object) value(name string, v reflect.Value, depth int) {
	before, open := len(o.b), o.open
	o.key(name)
	var ok bool
	if o.b, ok = appendValue(o.b, v, depth+1); !ok {
		o.b, o.open = o.b[:before], open
	}
}
