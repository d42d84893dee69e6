"""One run of imaplib or poplib, told what to do by a JSON object on standard input.

Keys: protocol imap|pop3, leg plain|tls|starttls, host, port, ca, user, password,
auth LOGIN|PLAIN|CRAM-MD5|USER|APOP, socks "host:port" or "", out (a directory),
append (a folder to create, fill from the files in "messages", read back and delete).
Each message fetched becomes a file named after its UID or message number.
"""

import base64, hashlib, hmac, imaplib, json, os, poplib, socket, ssl, struct, sys

job = json.load(sys.stdin)
context = ssl.create_default_context(cafile=job["ca"])
imaplib._MAXLINE = poplib._MAXLINE = 1 << 20


def connect(host, port, timeout=60):
    """A TCP connection, through SOCKS5 (RFC 1928) with the name unresolved if asked."""
    if not job["socks"]:
        return socket.create_connection((host, port), timeout)
    at, _, number = job["socks"].rpartition(":")
    s = socket.create_connection((at, int(number)), timeout)
    f = s.makefile("rb")
    s.sendall(b"\x05\x01\x00")
    assert f.read(2) == b"\x05\x00", "SOCKS5 method refused"
    name = host.encode()
    s.sendall(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + struct.pack(">H", port))
    head = f.read(4)
    assert head[:2] == b"\x05\x00", "SOCKS5 reply %r" % head
    f.read({1: 4, 3: None, 4: 16}[head[3]] + 2)
    f.detach()
    return s


class IMAP(imaplib.IMAP4):
    def _mode_ascii(self):  # passwords may be more than ASCII
        super()._mode_ascii()
        self._encoding = "utf-8"

    def _create_socket(self, timeout):
        s = connect(job["host"], job["port"])
        return context.wrap_socket(s, server_hostname=job["host"]) if job["leg"] == "tls" else s


class POP(poplib.POP3):
    def _create_socket(self, timeout):
        s = connect(job["host"], job["port"])
        return context.wrap_socket(s, server_hostname=job["host"]) if job["leg"] == "tls" else s


def save(name, octets):
    with open(os.path.join(job["out"], name), "wb") as f:
        f.write(octets)


def check(reply):
    if reply[0] != "OK":
        raise SystemExit("refused: %r" % (reply,))
    return reply[1]


def imap():
    m = IMAP(job["host"], job["port"])
    if job["leg"] == "starttls":
        m.starttls(context)
    user, password = job["user"], job["password"]
    if job["auth"] == "PLAIN":
        check(m.authenticate("PLAIN", lambda _: ("\0%s\0%s" % (user, password)).encode()))
    elif job["auth"] == "CRAM-MD5":
        check(m.login_cram_md5(user, password))
    else:
        check(m.login(user, password))
    if job.get("append"):
        folder = job["append"]
        check(m.create(folder))
        for path in job["messages"]:
            with open(path, "rb") as f:
                check(m.append(folder, r"(\Seen)", None, f.read()))
        check(m.select(folder))
    else:
        check(m.select("INBOX"))
    for uid in check(m.uid("SEARCH", "ALL"))[0].split():
        rows = check(m.uid("FETCH", uid.decode(), "(FLAGS BODY.PEEK[])"))
        save(uid.decode(), [r for r in rows if isinstance(r, tuple)][0][1])
    check(m.noop())
    check(m.close())
    if job.get("append"):
        check(m.delete(job["append"]))
    m.logout()


def pop3():
    m = POP(job["host"], job["port"])
    if job["leg"] == "starttls":
        m.stls(context)
    user, password = job["user"], job["password"]
    if job["auth"] == "APOP":
        m.apop(user, password)
    elif job["auth"] == "PLAIN":
        text = base64.b64encode(("\0%s\0%s" % (user, password)).encode()).decode()
        m._shortcmd("AUTH PLAIN")
        m._shortcmd(text)
    elif job["auth"] == "CRAM-MD5":
        challenge = base64.b64decode(m._shortcmd("AUTH CRAM-MD5").split(b" ", 1)[1])
        digest = hmac.new(password.encode(), challenge, hashlib.md5).hexdigest()
        m._shortcmd(base64.b64encode(("%s %s" % (user, digest)).encode()).decode())
    else:
        m.user(user)
        m.pass_(password)
    count, _ = m.stat()
    m.list()
    m.uidl()
    m.top(1, 3)
    for n in range(1, count + 1):
        save(str(n), b"".join(line + b"\r\n" for line in m.retr(n)[1]))
    m.noop()
    m.rset()
    m.quit()


{"imap": imap, "pop3": pop3}[job["protocol"]]()
