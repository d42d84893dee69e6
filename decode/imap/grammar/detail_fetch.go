package grammar

// fetch copies the data of FETCH. Of message content it keeps how long it is.
func (c *cloner) fetch(d *Fetch) *Fetch {
	n := *d
	n.Flags, n.GmailLabels = c.texts(d.Flags), c.texts(d.GmailLabels)
	n.ModSeq, n.Size = copied(d.ModSeq), copied(d.Size)
	n.InternalDate, n.SaveDate, n.Preview = c.text(d.InternalDate), c.text(d.SaveDate), c.text(d.Preview)
	n.EmailID, n.ThreadID = c.text(d.EmailID), c.text(d.ThreadID)
	n.Envelope, n.Body, n.BodyStructure = c.envelope(d.Envelope), c.body(d.Body), c.body(d.BodyStructure)
	n.Other = c.extended(d.Other)
	var sections []Section
	n.Sections = mapped(&sections, d.Sections, func(s Section) Section {
		s.Spec, s.Origin, s.Content = c.text(s.Spec), copied(s.Origin), nil
		return s
	})
	var sizes []BinarySize
	n.BinarySizes = mapped(&sizes, d.BinarySizes, func(s BinarySize) BinarySize {
		s.Spec = c.text(s.Spec)
		return s
	})
	var annotations []Annotation
	n.Annotations = mapped(&annotations, d.Annotations, func(a Annotation) Annotation {
		return Annotation{c.text(a.Entry), c.pairs(a.Attributes)}
	})
	return &n
}

func (c *cloner) envelope(d *Envelope) *Envelope {
	if d == nil {
		return nil
	}
	n := *d
	n.Date, n.Subject, n.InReplyTo, n.MessageID = c.text(d.Date), c.text(d.Subject), c.text(d.InReplyTo), c.text(d.MessageID)
	for _, list := range [...]*[]Address{&n.From, &n.Sender, &n.ReplyTo, &n.To, &n.Cc, &n.Bcc} {
		*list = mapped(&c.addresses, *list, func(a Address) Address {
			return Address{c.text(a.Name), c.text(a.Route), c.text(a.Mailbox), c.text(a.Host)}
		})
	}
	return &n
}

// body copies a tree that is at most maxDepth deep.
func (c *cloner) body(d *Body) *Body {
	if d == nil {
		return nil
	}
	n := *d
	n.Type, n.Subtype, n.Params = c.text(d.Type), c.text(d.Subtype), c.pairs(d.Params)
	n.ID, n.Description, n.Encoding = c.text(d.ID), c.text(d.Description), c.text(d.Encoding)
	n.Lines, n.Envelope = copied(d.Lines), c.envelope(d.Envelope)
	n.MD5, n.Language, n.Location, n.Extension = c.text(d.MD5), c.texts(d.Language), c.text(d.Location), c.text(d.Extension)
	if d.Disposition != nil {
		n.Disposition = &Disposition{c.text(d.Disposition.Type), c.pairs(d.Disposition.Params)}
	}
	if d.Parts != nil {
		n.Parts = make([]*Body, len(d.Parts))
		for i, part := range d.Parts {
			n.Parts[i] = c.body(part)
		}
	}
	return &n
}
