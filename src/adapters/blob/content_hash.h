#pragma once

#include <string>

#include "backup/bytes.h"

namespace muster::adapters {

/// SHA-256 in lower case hexadecimal digits: what S3 wants for a body.
std::string sha256_hex(backup::ByteView content);
/// MD5 in base64: what S3 wants besides for an object that is locked (Content-MD5).
std::string md5_base64(backup::ByteView content);

}  // namespace muster::adapters
