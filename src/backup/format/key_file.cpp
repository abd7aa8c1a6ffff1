#include "backup/format/key_file.h"

#include <algorithm>
#include <cstring>

#include "backup/format/base64.h"
#include "backup/format/go_json.h"
#include "backup/format/json_reader.h"
#include "backup/format/zone_clock.h"

namespace muster::backup {

namespace {

constexpr std::size_t kSaltSize = 64;

void append_field(std::string& out, std::string_view name, std::string_view value) {
    out += out.size() > 1 ? ",\"" : "\"";
    out += name;
    out += "\":";
    append_json_string(out, value);
}

std::string base64_of(ByteView bytes) {
    std::string text;
    append_base64(text, bytes);
    return text;
}

template <std::size_t Size>
Result<> read_key(dom::object object, std::string_view name, std::array<std::uint8_t, Size>& into) {
    dom::element element;
    if (object[name].get(element) != simdjson::SUCCESS) {
        return Error(Errc::kCorrupt, "the master key lacks a part");
    }
    TRY(const auto text, json_text(element, "a part of the master key"));
    TRY(const auto bytes, decode_base64(text));
    if (bytes.size() != Size) {
        return Error(Errc::kCorrupt, "a part of the master key has the wrong size");
    }
    std::memcpy(into.data(), bytes.data(), Size);
    return {};
}

Result<MasterKey> decode_master_key(const Buffer& json) {
    TRY(const auto root, parse_json(json, "the master key"));
    TRY(const auto object, json_object(root, "the master key"));
    MasterKey key;
    TRY_OK(read_key(object, "encrypt", key.encrypt));
    dom::element mac;
    if (object["mac"].get(mac) != simdjson::SUCCESS) {
        return Error(Errc::kCorrupt, "the master key lacks a part");
    }
    TRY(const auto parts, json_object(mac, "the master key's mac"));
    TRY_OK(read_key(parts, "k", key.mac_k));
    TRY_OK(read_key(parts, "r", key.mac_r));
    return key;
}

std::string encode_master_key(const MasterKey& key) {
    return R"({"mac":{"k":")" + base64_of(key.mac_k) + R"(","r":")" + base64_of(key.mac_r) +
           R"("},"encrypt":")" + base64_of(key.encrypt) + R"("})";
}

Result<> read_field(std::string_view name, dom::element value, KeyFile& file) {
    const auto read_text = [&](std::string& into) -> Result<> {
        TRY(const auto text, json_text(value, "a field of the key file"));
        into = text;
        return {};
    };
    if (name == "created") {
        return read_text(file.created);
    }
    if (name == "username") {
        return read_text(file.username);
    }
    if (name == "hostname") {
        return read_text(file.hostname);
    }
    if (name == "N") {
        TRY(file.cost.n, json_number(value, "the key file's N"));
    } else if (name == "r") {
        TRY(file.cost.r, json_number32(value, "the key file's r"));
    } else if (name == "p") {
        TRY(file.cost.p, json_number32(value, "the key file's p"));
    } else if (name == "salt" || name == "data") {
        TRY(const auto text, json_text(value, "a field of the key file"));
        TRY((name == "salt" ? file.salt : file.data), decode_base64(text));
    } else if (name == "kdf") {
        TRY(const auto text, json_text(value, "the key file's kdf"));
        if (text != "scrypt") {
            return Error(Errc::kInvalid, "the key file wants the unknown kdf " + std::string(text));
        }
    }
    return {};
}

}  // namespace

std::string encode_key_file(const KeyFile& file) {
    std::string out = "{";
    append_field(out, "created", file.created);
    append_field(out, "username", file.username);
    append_field(out, "hostname", file.hostname);
    append_field(out, "kdf", "scrypt");
    out += R"(,"N":)" + std::to_string(file.cost.n) + R"(,"r":)" + std::to_string(file.cost.r) +
           R"(,"p":)" + std::to_string(file.cost.p);
    append_field(out, "salt", base64_of(bytes_of(file.salt)));
    append_field(out, "data", base64_of(bytes_of(file.data)));
    return out + "}";
}

Result<KeyFile> decode_key_file(const Buffer& json) {
    TRY(const auto root, parse_json(json, "the key file"));
    TRY(const auto object, json_object(root, "the key file"));
    KeyFile file;
    file.cost = {0, 0, 0};
    for (const auto field : object) {
        TRY_OK(read_field(field.key, field.value, file));
    }
    if (file.salt.size() != kSaltSize || file.data.empty()) {
        return Error(Errc::kCorrupt, "the key file has no salt of 64 bytes, or no data");
    }
    return file;
}

Result<KeyFile> lock_master_key(const MasterKey& master, const Secret& password, Host& host) {
    const auto who = host.identity();
    KeyFile file;
    append_time(file.created, local_time(host, host.wall()));
    file.username = who.username;
    file.hostname = who.hostname;
    Buffer salt(kSaltSize);
    host.fill_random(salt.span());
    file.salt = salt.text();
    TRY(const auto key, derive_key(password, salt.view(), file.cost));
    const std::string plain = encode_master_key(master);
    Iv iv;
    host.fill_random(iv);
    Buffer sealed(plain.size() + Sealer::kOverhead);
    Sealer(key).seal(bytes_of(plain), iv, sealed.span());
    file.data = sealed.text();
    return file;
}

Result<MasterKey> unlock_master_key(const KeyFile& file, const Secret& password) {
    TRY(const auto key, derive_key(password, bytes_of(file.salt), file.cost));
    if (file.data.size() < Sealer::kOverhead) {
        return Error(Errc::kCorrupt, "the key file's data is too short");
    }
    Buffer plain(file.data.size() - Sealer::kOverhead);
    if (!Sealer(key).open(bytes_of(file.data), plain.span())) {
        return Error(Errc::kDenied, "wrong password");
    }
    return decode_master_key(plain);
}

MasterKey draw_master_key(Host& host) {
    MasterKey key;
    host.fill_random(key.encrypt);
    host.fill_random(key.mac_k);
    host.fill_random(key.mac_r);
    // Poly1305 (RFC 8439, 2.5) clears these bits of r anyway; restic stores them cleared.
    constexpr std::uint8_t kLowNibble = 0x0f;
    constexpr std::uint8_t kNotLowTwo = 0xfc;
    for (const std::size_t i : {3, 7, 11, 15}) {
        key.mac_r[i] &= kLowNibble;
    }
    for (const std::size_t i : {4, 8, 12}) {
        key.mac_r[i] &= kNotLowTwo;
    }
    return key;
}

}  // namespace muster::backup
