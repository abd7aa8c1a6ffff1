"""A key for a repository of restic's format that opens in no time: the password's derivation costs next to nothing, so
that tests which open repositories a thousand times see the programs at work, and a kill hits the work too.

Written from restic's design document: scrypt to 64 bytes (32 to encrypt, 16 and 16 to authenticate), AES-256 in counter
mode, Poly1305-AES over the ciphertext.
"""
import base64
import hashlib
import json
import os
import subprocess

COST = {"N": 16, "r": 8, "p": 1}


def aes(mode, key, data, *more):
    return subprocess.run(["openssl", "enc", f"-aes-{len(key) * 8}-{mode}", "-K", key.hex(), "-nopad", *more],
                          input=data, capture_output=True, check=True).stdout


def poly1305_aes(key, r, nonce, message):
    r = int.from_bytes(r, "little") & 0x0ffffffc0ffffffc0ffffffc0fffffff
    total = 0
    for at in range(0, len(message), 16):
        block = message[at:at + 16] + b"\1"
        total = (total + int.from_bytes(block, "little")) * r % ((1 << 130) - 5)
    total += int.from_bytes(aes("ecb", key, nonce), "little")
    return (total % (1 << 128)).to_bytes(16, "little")


def seal(key, plain):
    encrypt, k, r = key[:32], key[32:48], key[48:]
    nonce = os.urandom(16)
    sealed = aes("ctr", encrypt, plain, "-iv", nonce.hex())
    return nonce + sealed + poly1305_aes(k, r, nonce, sealed)


def replace_keys(repository, password, master):
    """Writes a cheap key beside the others, then removes those; `master` is what `restic cat masterkey` prints."""
    salt = os.urandom(64)
    key = hashlib.scrypt(password.encode(), salt=salt, n=COST["N"], r=COST["r"], p=COST["p"], dklen=64)
    plain = json.dumps(json.loads(master), separators=(",", ":")).encode()
    text = json.dumps({"created": "2026-01-01T00:00:00Z", "username": "test", "hostname": "test", "kdf": "scrypt", **COST,
                       "salt": base64.b64encode(salt).decode(), "data": base64.b64encode(seal(key, plain)).decode()})
    old = list((repository / "keys").iterdir())
    (repository / "keys" / hashlib.sha256(text.encode()).hexdigest()).write_text(text, encoding="utf-8")
    for path in old:
        path.unlink()
