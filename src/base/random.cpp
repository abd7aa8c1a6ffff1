#include "base/random.h"

namespace muster {

Duration Random::jitter(Duration duration, double share) {
    const double factor = 1.0 + share * (2.0 * unit() - 1.0);
    return Duration(static_cast<Duration::rep>(static_cast<double>(duration.count()) * factor));
}

std::string Random::token(std::size_t length) {
    constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyz";
    std::string out;
    for (std::size_t i = 0; i < length; ++i) {
        out += kDigits[below(kDigits.size())];
    }
    return out;
}

std::uint64_t SeededRandom::next() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31U);
}

std::uint64_t stable_hash(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const char c : text) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    }
    return hash;
}

}  // namespace muster
