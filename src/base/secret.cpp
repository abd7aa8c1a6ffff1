#include "base/secret.h"

#include <cstddef>

namespace muster {

bool Secret::matches(const std::string& candidate) const {
    unsigned difference = text_.size() == candidate.size() ? 0U : 1U;
    for (std::size_t i = 0; i < candidate.size(); ++i) {
        const char own = text_.empty() ? '\0' : text_[i % text_.size()];
        difference |= static_cast<unsigned char>(own) ^ static_cast<unsigned char>(candidate[i]);
    }
    return difference == 0 && !text_.empty();
}

}  // namespace muster
