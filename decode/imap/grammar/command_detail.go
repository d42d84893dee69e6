package grammar

// Detail gives what a reader should see of the arguments, as a copy that shares no memory with the
// line or the Parser; nil where there are none. It must be called before the Parser's next line.
func (c *Command) Detail() any {
	p := c.parser
	if p == nil || c.Args == nil {
		return nil
	}
	k := cloner{utf8: p.UTF8, octets: make([]byte, 0, len(p.scanner.text)+len(p.scanner.buf))}
	return k.arguments(c.Args)
}

func (c *cloner) set(s Set) Set { return Set(c.text(Text(s))) }

func (c *cloner) arguments(args any) any {
	switch a := args.(type) {
	case *FetchArgs:
		n := *a
		n.Set, n.Items, n.ChangedSince = c.set(a.Set), c.items(a.Items), copied(a.ChangedSince)
		n.Partial, n.Other = c.text(a.Partial), c.extended(a.Other)
		return &n
	case *StoreArgs:
		n := *a
		n.Set, n.UnchangedSince, n.Flags = c.set(a.Set), copied(a.UnchangedSince), c.texts(a.Flags)
		n.Value, n.Other = c.text(a.Value), c.extended(a.Other)
		return &n
	case *SearchArgs:
		n := *a
		n.In = c.filters(a.In)
		n.Return, n.Algorithm, n.Charset, n.Keys = c.extended(a.Return), c.text(a.Algorithm), c.text(a.Charset), c.searchKeys(a.Keys)
		var own []SortKey
		n.Sort = mapped(&own, a.Sort, func(k SortKey) SortKey { return SortKey{c.text(k.Key), k.Reverse} })
		return &n
	case *SetArgs:
		return &SetArgs{c.set(a.Set)}
	case *CopyArgs:
		return &CopyArgs{c.set(a.Set), c.text(a.Mailbox), c.display(a.Mailbox)}
	case *MailboxArgs:
		return &MailboxArgs{c.text(a.Mailbox), c.display(a.Mailbox)}
	case *SelectArgs:
		n := *a
		n.Mailbox, n.Display, n.Other = c.text(a.Mailbox), c.display(a.Mailbox), c.extended(a.Other)
		if q := copied(a.QResync); q != nil {
			q.KnownUIDs, q.MatchNumbers, q.MatchUIDs = c.set(q.KnownUIDs), c.set(q.MatchNumbers), c.set(q.MatchUIDs)
			n.QResync = q
		}
		return &n
	case *CreateArgs:
		return &CreateArgs{c.text(a.Mailbox), c.display(a.Mailbox), c.texts(a.Use), c.extended(a.Other)}
	case *RenameArgs:
		return &RenameArgs{c.text(a.From), c.display(a.From), c.text(a.To), c.display(a.To)}
	case *ListArgs:
		n := ListArgs{Select: c.texts(a.Select), Reference: c.text(a.Reference), Patterns: c.texts(a.Patterns), Return: c.extended(a.Return)}
		n.Display = c.patterns(a.Patterns)
		return &n
	case *StatusArgs:
		return &StatusArgs{c.text(a.Mailbox), c.display(a.Mailbox), c.texts(a.Items)}
	case *AppendArgs:
		var own []AppendMessage
		return &AppendArgs{c.text(a.Mailbox), c.display(a.Mailbox), mapped(&own, a.Messages, c.message)}
	case *ReplaceArgs:
		return &ReplaceArgs{a.Number, c.text(a.Mailbox), c.display(a.Mailbox), c.message(a.Message)}
	case *LoginArgs:
		return &LoginArgs{c.text(a.User)}
	case *AuthenticateArgs:
		return &AuthenticateArgs{c.text(a.Mechanism), a.Initial}
	case *NotifyArgs:
		var own []NotifyGroup
		return &NotifyArgs{a.None, a.Status, mapped(&own, a.Groups, func(g NotifyGroup) NotifyGroup {
			return NotifyGroup{MailboxFilter{g.Name, c.texts(g.Mailboxes)}, c.extended(g.Events)}
		})}
	case *ACLArgs:
		return &ACLArgs{c.text(a.Mailbox), c.display(a.Mailbox), c.text(a.Identifier), c.text(a.Rights)}
	case *QuotaArgs:
		return &QuotaArgs{c.text(a.Root), c.pairs(a.Limits)}
	case *MetadataArgs:
		return &MetadataArgs{c.text(a.Mailbox), c.display(a.Mailbox), c.text(a.Options), c.texts(a.Entries), c.pairs(a.Values)}
	case *ConvertArgs:
		return &ConvertArgs{c.set(a.Set), c.text(a.Into), c.items(a.Items)}
	default:
		return c.data(args) // *Params, *Words, *Tokens
	}
}

// patterns gives patterns decoded, nil where all are as they were sent.
func (c *cloner) patterns(list []Text) []string {
	differs := false
	names := make([]string, len(list))
	for i, t := range list {
		names[i] = DisplayName(t, c.utf8)
		differs = differs || names[i] != string(t)
	}
	if !differs {
		return nil
	}
	return names
}

func (c *cloner) items(list []FetchItem) []FetchItem {
	var own []FetchItem
	return mapped(&own, list, func(i FetchItem) FetchItem {
		i.Section, i.Partial, i.Value = c.text(i.Section), copied(i.Partial), c.text(i.Value)
		return i
	})
}

func (c *cloner) filters(list []MailboxFilter) []MailboxFilter {
	var own []MailboxFilter
	return mapped(&own, list, func(f MailboxFilter) MailboxFilter { return MailboxFilter{f.Name, c.texts(f.Mailboxes)} })
}

// searchKeys copies a tree that is at most maxDepth deep.
func (c *cloner) searchKeys(list []SearchKey) []SearchKey {
	var own []SearchKey
	return mapped(&own, list, func(k SearchKey) SearchKey {
		k.Field, k.Text, k.Number, k.Set = c.text(k.Field), c.text(k.Text), copied(k.Number), c.set(k.Set)
		k.Keys = c.searchKeys(k.Keys)
		return k
	})
}

func (c *cloner) message(m AppendMessage) AppendMessage {
	m.Flags, m.Date, m.Other = c.texts(m.Flags), c.text(m.Date), c.extended(m.Other)
	var own []CatenatePart
	m.Catenate = mapped(&own, m.Catenate, func(x CatenatePart) CatenatePart { return CatenatePart{c.text(x.URL), x.Octets} })
	return m
}
