#!/usr/bin/env python3
"""Stands in for ssh and sshd between the demo's sites: a command goes over the sites' own network and runs there.

  door.py serve                          answers at every address of this network, as whoever runs it
  ssh [-o OPTION]… USER@HOST -- COMMAND  what muster calls
"""
import contextlib
import os
import selectors
import socket
import struct
import subprocess
import sys
import threading

PORT = 2222
OUT, ERROR, END = 1, 2, 3


def send(peer, kind, payload):
    peer.sendall(struct.pack("!BI", kind, len(payload)) + payload)


def receive(peer, size):
    data = b""
    while len(data) < size:
        more = peer.recv(size - len(data))
        if not more:
            raise ConnectionError("connection closed")
        data += more
    return data


def serve():
    with socket.create_server(("0.0.0.0", PORT), backlog=64) as listener:
        while True:
            peer, _ = listener.accept()
            threading.Thread(target=serve_one, args=(peer,), daemon=True).start()


def serve_one(peer):
    with peer, contextlib.suppress(OSError):
        command = receive(peer, struct.unpack("!I", receive(peer, 4))[0]).decode()
        child = subprocess.Popen(["sh", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, start_new_session=True)
        threading.Thread(target=feed, args=(peer, child.stdin), daemon=True).start()
        try:
            pass_on(peer, child)
        finally:
            code = child.wait()
        send(peer, END, struct.pack("!i", code if code >= 0 else 128 - code))


def feed(peer, into):
    with contextlib.suppress(OSError, ValueError):
        while data := peer.recv(65536):
            into.write(data)
            into.flush()
    with contextlib.suppress(OSError, ValueError):
        into.close()


def pass_on(peer, child):
    """Until both streams are closed; a server that was started may keep them, so the command's end is enough."""
    with selectors.DefaultSelector() as ready:
        ready.register(child.stdout, selectors.EVENT_READ, OUT)
        ready.register(child.stderr, selectors.EVENT_READ, ERROR)
        while ready.get_map():
            has_ended = child.poll() is not None
            events = ready.select(0.02)
            for key, _ in events:
                data = os.read(key.fd, 65536)
                if data:
                    send(peer, key.data, data)
                else:
                    ready.unregister(key.fileobj)
            if has_ended and not events:
                return


def call(arguments):
    seconds, host = 10.0, None
    while arguments:
        word = arguments.pop(0)
        if word == "-o":
            name, _, value = arguments.pop(0).partition("=")
            seconds = float(value) if name == "ConnectTimeout" else seconds
        elif word != "--" and host is None:
            host = word.rpartition("@")[2]
        elif word != "--":
            arguments.insert(0, word)
            break
    try:
        peer = socket.create_connection((host, PORT), timeout=seconds)
    except OSError as error:
        print(f"ssh: connect to host {host} port {PORT}: {error.strerror or 'Connection timed out'}", file=sys.stderr)
        return 255
    with peer:
        peer.settimeout(None)
        command = " ".join(arguments).encode()
        peer.sendall(struct.pack("!I", len(command)) + command)
        threading.Thread(target=send_input, args=(peer,), daemon=True).start()
        try:
            return take_answer(peer)
        except OSError as error:
            print(f"client_loop: {error}", file=sys.stderr)
            return 255


def send_input(peer):
    with contextlib.suppress(OSError):
        while data := os.read(0, 65536):
            peer.sendall(data)
        peer.shutdown(socket.SHUT_WR)


def take_answer(peer):
    while True:
        kind, size = struct.unpack("!BI", receive(peer, 5))
        payload = receive(peer, size)
        if kind == END:
            return struct.unpack("!i", payload)[0]
        os.write(kind, payload)


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    code = call(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)
