package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"time"
)

// client is one connection through a proxy.
type client struct {
	*tls.Conn
	buf []byte
}

func dial(addr string, roots *x509.CertPool) (*client, error) {
	c, err := tls.Dial("tcp", addr, &tls.Config{ServerName: "localhost", RootCAs: roots})
	if err != nil {
		return nil, err
	}
	x := &client{Conn: c, buf: make([]byte, 4096)}
	_, err = x.line()
	return x, err
}

// line reads until what came ends in CRLF: the server here writes whole lines.
func (c *client) line() ([]byte, error) {
	n := 0
	for {
		k, err := c.Read(c.buf[n:])
		if err != nil {
			return nil, err
		}
		n += k
		if bytes.HasSuffix(c.buf[:n], []byte("\r\n")) {
			return c.buf[:n], nil
		}
	}
}

func (c *client) command(text string) error {
	if _, err := io.WriteString(c, text+"\r\n"); err != nil {
		return err
	}
	_, err := c.line()
	return err
}

func (c *client) login() error { return c.command("a1 LOGIN user password") }

func (c *client) open() error { return c.command("a2 SELECT INBOX") }

// fetch asks for a workload and reads its octets and the completion, times times.
func (c *client) fetch(item string, octets, times int) (time.Duration, error) {
	const completion = len("a2 OK done\r\n")
	buf := make([]byte, 64<<10)
	begin := time.Now()
	for range times {
		if _, err := fmt.Fprintf(c, "a2 FETCH 1:* %s\r\n", item); err != nil {
			return 0, err
		}
		for left := octets + completion; left > 0; {
			n, err := c.Read(buf)
			if err != nil {
				return 0, err
			}
			left -= n
		}
	}
	return time.Since(begin), nil
}
