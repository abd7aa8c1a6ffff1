#include "adapters/net/failure.h"

#include <cerrno>

namespace muster::adapters {

bool is_refusal(const Error& error) {
    const std::string_view message = error.message();
    return message.contains(kRefused) || message.contains(kReset) || message.contains(kTlsFailed);
}

std::string_view phrase_for(int error_number) {
    switch (error_number) {
        case ECONNREFUSED:
        case ENOENT:  // A Unix socket that is not there: nobody listens.
            return kRefused;
        case ECONNRESET:
        case EPIPE:
        case ECONNABORTED:
            return kReset;
        default:
            return kUnreachable;
    }
}

}  // namespace muster::adapters
