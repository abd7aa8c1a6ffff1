#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace muster::adapters {

/// An address as it stands in a location: "https://user:password@host:port/path". The parts that
/// are not there are empty.
struct UrlParts {
    std::string scheme;
    std::string user;  ///< Decoded, as the password.
    Secret password;
    std::string host;  ///< With its port; IPv6 in brackets.
    std::string path;  ///< As it stands, from the first slash on.
};

/// Takes it apart; what is before "://" is the scheme, if there is one. kInvalid: no host, a
/// control character or blank, a bad percent code. No message has the password.
Result<UrlParts> split_url(std::string_view text);

/// RFC 3986, section 2.1: all but letters, digits and "-._~" as upper case percent codes; slashes
/// too unless told to keep them. What AWS's signatures demand.
std::string percent_encode(std::string_view text, bool keep_slashes = false);
/// The inverse; kInvalid for a bad code.
Result<std::string> percent_decode(std::string_view text);

}  // namespace muster::adapters
