#pragma once

#include <string>
#include <string_view>

#include "base/secret.h"

namespace muster::adapters::repo_server {

/// True for what `password_matches` can check: bcrypt ($2a$, $2b$, $2y$) of a cost up to 17, and
/// {SHA}, as htpasswd(1) writes them.
bool is_supported_hash(std::string_view hash);

/// Whether the hash, a supported one, is that of the password; compared in constant time. bcrypt
/// takes long by design, doubling with each cost.
bool password_matches(const std::string& hash, const Secret& password);

/// A bcrypt hash that no password has: checking against it takes as long as for a real account, so
/// that the answer's time does not tell which accounts exist.
const std::string& nobodys_hash();

/// What a request says about who sends it.
struct Credentials {
    std::string account;
    Secret password;
    bool is_given = false;
};

/// Reads an Authorization header of the scheme Basic (RFC 7617); not given when it is no such.
Credentials read_credentials(std::string_view header);

}  // namespace muster::adapters::repo_server
