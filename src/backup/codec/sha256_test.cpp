#include "backup/codec/sha256.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "backup/codec/sha256_lanes.h"

namespace muster::backup {
namespace {

// NIST, "Secure Hash Standard examples", SHA-256; and the long message of its FIPS 180-2 appendix.
constexpr std::string_view kOfNothing =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view kOfAbc =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr std::string_view kTwoBlocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
constexpr std::string_view kOfTwoBlocks =
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
constexpr std::string_view kOfMillion =
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

std::vector<std::uint8_t> random_bytes(std::size_t size, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<std::uint8_t> bytes(size);
    std::ranges::generate(bytes, [&] { return static_cast<std::uint8_t>(random()); });
    return bytes;
}

TEST(Sha256, GivesTheStandardsExamples) {
    EXPECT_EQ(sha256({}).hex(), kOfNothing);
    EXPECT_EQ(sha256(bytes_of("abc")).hex(), kOfAbc);
    EXPECT_EQ(sha256(bytes_of(kTwoBlocks)).hex(), kOfTwoBlocks);
    EXPECT_EQ(sha256(bytes_of(std::string(1'000'000, 'a'))).hex(), kOfMillion);
}

TEST(Sha256, OfPiecesIsThatOfTheWhole) {
    const auto message = random_bytes(1000, 1);
    Sha256 hash;
    for (std::size_t piece = 1; piece < 200; ++piece) {
        for (std::size_t at = 0; at < message.size(); at += piece) {
            hash.update(ByteView(message).subspan(at, std::min(piece, message.size() - at)));
        }
        EXPECT_EQ(hash.finish(), sha256(message)) << piece;
    }
}

TEST(Sha256, BeginsAnewAfterEachFinish) {
    Sha256 hash;
    hash.update(bytes_of("abc"));
    EXPECT_EQ(hash.finish().hex(), kOfAbc);
    EXPECT_EQ(hash.finish().hex(), kOfNothing);
}

TEST(Sha256, OfManyIsThatOfEachOnEachPath) {
    const auto bytes = random_bytes(5000, 2);
    std::mt19937_64 random(3);
    for (std::size_t count = 0; count < 40; ++count) {
        std::vector<ByteView> messages;
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t size = random() % (i % 3 == 0 ? 200 : 4000);
            messages.push_back(ByteView(bytes).subspan(random() % (bytes.size() - size), size));
        }
        for (const auto& path : sha256_lanes::paths()) {
            std::vector<ObjectId> ids(count);
            path.hash(messages, ids);
            for (std::size_t i = 0; i < count; ++i) {
                EXPECT_EQ(ids[i], sha256(messages[i])) << path.name << " " << i << " of " << count;
            }
        }
    }
}

TEST(Sha256, OfManyKnowsEachLengthOfATail) {
    const auto bytes = random_bytes(300, 4);
    std::vector<ByteView> messages;
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        messages.push_back(ByteView(bytes).first(size));
    }
    messages.emplace_back();
    std::vector<ObjectId> ids(messages.size());
    sha256_many(messages, ids);
    for (std::size_t i = 0; i < messages.size(); ++i) {
        EXPECT_EQ(ids[i], sha256(messages[i])) << i;
    }
}

}  // namespace
}  // namespace muster::backup
