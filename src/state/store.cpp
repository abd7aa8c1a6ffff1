#include "state/store.h"

#include <utility>

namespace muster::state {

Op Op::put(std::string key, std::string value, LeaseId lease) {
    return {Kind::kPut, std::move(key), std::move(value), lease};
}

Op Op::erase(std::string key) {
    return {Kind::kDelete, std::move(key), {}, {}};
}

}  // namespace muster::state
