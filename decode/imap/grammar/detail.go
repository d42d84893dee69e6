package grammar

import (
	"bytes"
	"strconv"
)

// Detail gives what a reader should see of the response, as a copy that shares no memory with
// the line or the Parser: *Condition for OK, NO, BAD, BYE, PREAUTH, continuation requests and bare
// codes, else a copy of Data. It must be called before the Parser's next line.
func (r *Response) Detail() any {
	if r.Data == nil {
		if r.Code == nil && len(r.Human) == 0 {
			return nil
		}
		c := cloner{utf8: r.parser != nil && r.parser.UTF8}
		return &Condition{Code: c.code(r.Code), Text: c.text(r.Human)}
	}
	c := cloner{}
	if p := r.parser; p != nil {
		c.utf8 = p.UTF8
		c.size = len(p.scanner.text) + len(p.scanner.buf)
		c.lists = grown[Text](len(p.texts))
		c.addresses = grown[Address](len(p.addresses))
		c.params = grown[Param](len(p.params))
	}
	return c.data(r.Data)
}

// cloner makes copies. What there is many of in a response shares a few allocations.
type cloner struct {
	octets    []byte
	size      int // enough for all strings of the line, literals aside
	lists     []Text
	addresses []Address
	params    []Param
	utf8      bool
}

func grown[T any](n int) []T {
	if n == 0 {
		return nil
	}
	return make([]T, 0, n)
}

// text copies octets; nil stays nil.
func (c *cloner) text(t Text) Text {
	if len(t) == 0 {
		if t == nil {
			return nil
		}
		return Text{}
	}
	if c.octets == nil {
		c.octets = make([]byte, 0, c.size)
	}
	if len(t) > cap(c.octets)-len(c.octets) {
		return bytes.Clone(t)
	}
	from := len(c.octets)
	c.octets = append(c.octets, t...)
	return Text(c.octets[from:len(c.octets):len(c.octets)])
}

// mapped copies a list; nil stays nil. Values go to the end of shared.
func mapped[T any](shared *[]T, list []T, one func(T) T) []T {
	if list == nil {
		return nil
	}
	if len(list) == 0 {
		return []T{}
	}
	if len(list) > cap(*shared)-len(*shared) {
		*shared = make([]T, 0, len(list))
	}
	from := len(*shared)
	for _, v := range list {
		*shared = append(*shared, one(v))
	}
	s := *shared
	return s[from:len(s):len(s)]
}

func (c *cloner) texts(list []Text) []Text { return mapped(&c.lists, list, c.text) }

func (c *cloner) pairs(list []Param) []Param {
	return mapped(&c.params, list, func(p Param) Param { return Param{c.text(p.Name), c.text(p.Value)} })
}

func (c *cloner) extended(list []Extended) []Extended {
	var own []Extended
	return mapped(&own, list, func(e Extended) Extended { return Extended{c.text(e.Name), c.text(e.Value)} })
}

func copied[T any](v *T) *T {
	if v == nil {
		return nil
	}
	n := *v
	return &n
}

// display gives a mailbox name decoded, "" where that is as it was sent.
func (c *cloner) display(name Text) string {
	if shown := DisplayName(name, c.utf8); shown != string(name) {
		return shown
	}
	return ""
}

// data copies the data of a response or code.
func (c *cloner) data(data any) any {
	switch d := data.(type) {
	case *Fetch:
		return c.fetch(d)
	case *Count:
		return copied(d)
	case *List:
		n := *d
		n.Attributes, n.Delimiter, n.Mailbox = c.texts(d.Attributes), c.text(d.Delimiter), c.text(d.Mailbox)
		n.ChildInfo, n.OldName, n.Extended = c.texts(d.ChildInfo), c.text(d.OldName), c.extended(d.Extended)
		n.Display = c.display(d.Mailbox)
		return &n
	case *Status:
		n := *d
		n.Mailbox, n.MailboxID, n.Other = c.text(d.Mailbox), c.text(d.MailboxID), c.extended(d.Other)
		n.Display = c.display(d.Mailbox)
		for _, x := range [...]**uint32{&n.Messages, &n.Recent, &n.UIDNext, &n.UIDValidity, &n.Unseen, &n.Deleted} {
			*x = copied(*x)
		}
		for _, x := range [...]**int64{&n.DeletedStorage, &n.Size, &n.HighestModSeq, &n.AppendLimit} {
			*x = copied(*x)
		}
		return &n
	case *Numbers:
		n := *d
		n.Ranges, n.ModSeq = bytesOf(d.Ranges), copied(d.ModSeq)
		n.Set = setText(d.Ranges, d.Whole)
		return &n
	case *ESearch:
		return c.esearch(d)
	case *Thread:
		n := *d
		n.Nodes = bytesOf(d.Nodes)
		return &n
	case *Namespaces:
		return &Namespaces{c.namespaces(d.Personal), c.namespaces(d.Other), c.namespaces(d.Shared)}
	case *Quota:
		var own []Resource
		return &Quota{c.text(d.Root), mapped(&own, d.Resources, func(r Resource) Resource {
			r.Name = c.text(r.Name)
			return r
		})}
	case *QuotaRoot:
		return &QuotaRoot{c.text(d.Mailbox), c.display(d.Mailbox), c.texts(d.Roots)}
	case *ACL:
		return &ACL{c.text(d.Mailbox), c.display(d.Mailbox), c.pairs(d.Entries)}
	case *ListRights:
		return &ListRights{c.text(d.Mailbox), c.display(d.Mailbox), c.text(d.Identifier), c.text(d.Required), c.texts(d.Optional)}
	case *MyRights:
		return &MyRights{c.text(d.Mailbox), c.display(d.Mailbox), c.text(d.Rights)}
	case *Params:
		return &Params{c.pairs(d.Params)}
	case *Words:
		return &Words{c.texts(d.Words)}
	case *Flags:
		return &Flags{c.texts(d.Flags)}
	case *Capability:
		return &Capability{c.texts(d.Names)}
	case *Vanished:
		return &Vanished{d.Earlier, c.text(d.UIDs)}
	case *Metadata:
		return &Metadata{c.text(d.Mailbox), c.display(d.Mailbox), c.pairs(d.Entries), c.texts(d.Changed)}
	case *Tokens:
		return &Tokens{c.text(d.Text)}
	case *Number:
		return copied(d)
	case *SetOf:
		return &SetOf{c.text(d.Set)}
	case *AppendUID:
		return &AppendUID{d.UIDValidity, c.text(d.UIDs)}
	case *CopyUID:
		return &CopyUID{d.UIDValidity, c.text(d.Source), c.text(d.Destination)}
	case *MetadataCode:
		return &MetadataCode{c.text(d.Kind), d.Value}
	}
	return nil
}

func (c *cloner) code(code *Code) *Code {
	if code == nil {
		return nil
	}
	return &Code{code.Name, code.Off, c.data(code.Data)}
}

// bytesOf copies a list of plain values; nil stays nil.
func bytesOf[T any](list []T) []T {
	if list == nil {
		return nil
	}
	return append(make([]T, 0, len(list)), list...)
}

// shownRanges bounds the text of a set in a Detail.
const shownRanges = 256

// setText writes ranges as a set, with "…" where some are left out.
func setText(ranges []Range, whole bool) string {
	if len(ranges) > shownRanges {
		ranges, whole = ranges[:shownRanges], false
	}
	var b []byte
	for i, r := range ranges {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(r.First), 10)
		if r.Last != r.First {
			b = strconv.AppendUint(append(b, ':'), uint64(r.Last), 10)
		}
	}
	if !whole {
		b = append(b, ",…"...)
	}
	return string(b)
}

func (c *cloner) namespaces(list []Namespace) []Namespace {
	var own []Namespace
	return mapped(&own, list, func(n Namespace) Namespace {
		return Namespace{c.text(n.Prefix), c.text(n.Delimiter), c.extended(n.Extended)}
	})
}

func (c *cloner) esearch(d *ESearch) *ESearch {
	n := *d
	n.Tag, n.Mailbox, n.All, n.Relevancy = c.text(d.Tag), c.text(d.Mailbox), c.text(d.All), c.text(d.Relevancy)
	for _, x := range [...]**uint32{&n.UIDValidity, &n.Min, &n.Max, &n.Count} {
		*x = copied(*x)
	}
	n.ModSeq = copied(d.ModSeq)
	if d.Partial != nil {
		n.Partial = &Partial{c.text(d.Partial.Range), c.text(d.Partial.Set)}
	}
	update := func(u ListUpdate) ListUpdate { return ListUpdate{u.Position, c.text(u.Set)} }
	var own []ListUpdate
	n.AddTo = mapped(&own, d.AddTo, update)
	n.RemoveFrom = mapped(&own, d.RemoveFrom, update)
	n.Other = c.extended(d.Other)
	return &n
}
