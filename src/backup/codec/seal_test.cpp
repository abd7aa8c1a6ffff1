#include "backup/codec/seal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace muster::backup {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes random_bytes(std::size_t size, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    Bytes bytes(size);
    std::ranges::generate(bytes, [&] { return static_cast<std::uint8_t>(random()); });
    return bytes;
}

template <std::size_t kSize>
std::array<std::uint8_t, kSize> from_hex(std::string_view hex) {
    std::array<std::uint8_t, kSize> bytes{};
    for (std::size_t i = 0; i < kSize; ++i) {
        bytes[i] =
            static_cast<std::uint8_t>(std::stoi(std::string(hex.substr(2 * i, 2)), nullptr, 16));
    }
    return bytes;
}

MasterKey make_key(std::uint64_t seed) {
    const auto bytes = random_bytes(64, seed);
    MasterKey key;
    std::copy_n(bytes.begin(), 32, key.encrypt.begin());
    std::copy_n(bytes.begin() + 32, 16, key.mac_k.begin());
    std::copy_n(bytes.begin() + 48, 16, key.mac_r.begin());
    return key;
}

Iv make_iv(std::uint64_t seed) {
    Iv iv{};
    std::ranges::copy(random_bytes(iv.size(), seed), iv.begin());
    return iv;
}

Bytes sealed(const Sealer& sealer, ByteView plain, std::uint64_t seed) {
    Bytes out(plain.size() + Sealer::kOverhead);
    sealer.seal(plain, make_iv(seed), out);
    return out;
}

// NIST SP 800-38A, F.5.5: CTR-AES256.Encrypt.
TEST(Sealer, EncryptsAsNistSays) {
    MasterKey key;
    key.encrypt = from_hex<32>("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
    const auto iv = from_hex<16>("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
    const auto plain = from_hex<64>(
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
        "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
    const auto expected = from_hex<64>(
        "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"
        "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6");
    Bytes out(plain.size() + Sealer::kOverhead);
    Sealer(key).seal(plain, iv, out);
    EXPECT_TRUE(std::ranges::equal(iv, ByteView(out).first(16)));
    EXPECT_TRUE(std::ranges::equal(expected, ByteView(out).subspan(16, 64)));
}

// D. J. Bernstein, "The Poly1305-AES message-authentication code", appendix B: r, k, n, m and the
// MAC. The cipher key is one whose key stream does not matter: what is authenticated is `m`.
TEST(Sealer, AuthenticatesAsPoly1305AesDoes) {
    MasterKey key;
    key.mac_r = from_hex<16>("851fc40c3467ac0be05cc20404f3f700");
    key.mac_k = from_hex<16>("ec074c835580741701425b623235add6");
    Bytes whole(2 + Sealer::kOverhead);
    std::ranges::copy(from_hex<16>("fb447350c4e868c52ac3275cf9d4327e"), whole.begin());
    std::ranges::copy(from_hex<2>("f3f6"), whole.begin() + 16);
    std::ranges::copy(from_hex<16>("f4c633c3044fc145f84f335cb81953de"), whole.begin() + 18);
    const Sealer sealer(key);
    EXPECT_TRUE(sealer.authenticates(whole));
    whole.back() ^= 1U;
    EXPECT_FALSE(sealer.authenticates(whole));
}

TEST(Sealer, OpensWhatItSealed) {
    const Sealer sealer(make_key(1));
    for (const std::size_t size : {0UL, 1UL, 15UL, 16UL, 17UL, 1000UL, 65536UL, 1'500'001UL}) {
        const auto plain = random_bytes(size, size);
        const auto closed = sealed(sealer, plain, size + 1);
        ASSERT_TRUE(size < 16 || std::ranges::search(closed, plain).empty());
        Bytes opened(size);
        ASSERT_TRUE(sealer.open(closed, opened)) << size;
        EXPECT_EQ(opened, plain) << size;
    }
}

TEST(Sealer, WorksInPlace) {
    const Sealer sealer(make_key(2));
    const auto plain = random_bytes(5000, 3);
    const auto apart = sealed(sealer, plain, 4);
    Bytes same(plain.size() + Sealer::kOverhead);
    std::ranges::copy(plain, same.begin() + Sealer::kIvSize);
    const auto middle = ByteSpan(same).subspan(Sealer::kIvSize, plain.size());
    sealer.seal(middle, make_iv(4), same);
    EXPECT_EQ(same, apart);
    ASSERT_TRUE(sealer.open(same, middle));
    EXPECT_TRUE(std::ranges::equal(middle, plain));
}

TEST(Sealer, RefusesEachDamagedBitAndTouchesNothing) {
    const Sealer sealer(make_key(5));
    auto closed = sealed(sealer, random_bytes(40, 6), 7);
    Bytes out(40, 0xee);
    for (std::size_t bit = 0; bit < closed.size() * 8; ++bit) {
        const auto mask = static_cast<std::uint8_t>(1U << (bit % 8));
        closed[bit / 8] ^= mask;
        EXPECT_FALSE(sealer.authenticates(closed)) << bit;
        const auto opened = sealer.open(closed, out);
        ASSERT_FALSE(opened) << bit;
        EXPECT_EQ(opened.error().code(), Errc::kCorrupt);
        closed[bit / 8] ^= mask;
    }
    EXPECT_EQ(out, Bytes(40, 0xee));
    EXPECT_TRUE(sealer.open(closed, out));
}

TEST(Sealer, RefusesWhatIsCutShort) {
    const Sealer sealer(make_key(8));
    const auto closed = sealed(sealer, random_bytes(40, 9), 10);
    Bytes out(40);
    for (std::size_t size = 0; size < closed.size(); ++size) {
        const auto opened = sealer.open(
            ByteView(closed).first(size),
            ByteSpan(out).first(size < Sealer::kOverhead ? 0 : size - Sealer::kOverhead));
        ASSERT_FALSE(opened) << size;
        EXPECT_EQ(opened.error().code(), Errc::kCorrupt);
    }
}

TEST(Sealer, RefusesWhatAnotherKeySealed) {
    const Sealer sealer(make_key(11));
    const auto plain = random_bytes(100, 13);
    Bytes out(100);
    EXPECT_FALSE(sealer.open(sealed(Sealer(make_key(12)), plain, 1), out));
    // And on the way back to the first key nothing of the second one is left.
    EXPECT_TRUE(sealer.open(sealed(sealer, plain, 1), out));
    EXPECT_EQ(out, plain);
}

TEST(Sealer, ServesManyThreadsAtOnce) {
    const Sealer left(make_key(14));
    const Sealer right(make_key(15));
    const auto plain = random_bytes(3000, 16);
    const auto by_left = sealed(left, plain, 17);
    const auto by_right = sealed(right, plain, 17);
    std::atomic<int> wrong = 0;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
                for (int round = 0; round < 500; ++round) {
                    wrong += sealed(left, plain, 17) == by_left ? 0 : 1;
                    wrong += sealed(right, plain, 17) == by_right ? 0 : 1;
                    wrong += left.authenticates(by_right) ? 1 : 0;
                }
            });
        }
    }
    EXPECT_EQ(wrong, 0);
}

TEST(SealerDeathTest, TakesNoIvOfZeros) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const Sealer sealer(make_key(18));
    Bytes out(Sealer::kOverhead);
    EXPECT_DEATH(sealer.seal({}, Iv{}, out), "iv != Iv");
}

}  // namespace
}  // namespace muster::backup
