#include "backup/codec/scrypt.h"

#include <gtest/gtest.h>

#include <string>

namespace muster::backup {
namespace {

std::string hex(ByteView bytes) {
    std::string text;
    for (const auto byte : bytes) {
        text += "0123456789abcdef"[byte >> 4U];
        text += "0123456789abcdef"[byte & 15U];
    }
    return text;
}

std::string derived(const char* password, std::string_view salt, const ScryptCost& cost) {
    const auto key = derive_key(Secret(password), bytes_of(salt), cost);
    return key ? hex(key->encrypt) + hex(key->mac_k) + hex(key->mac_r) : key.error().message();
}

TEST(Scrypt, GivesTheExamplesOfRfc7914) {
    EXPECT_EQ(derived("", "", {.n = 16, .r = 1, .p = 1}),
              "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
              "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906");
    EXPECT_EQ(derived("password", "NaCl", {.n = 1024, .r = 8, .p = 16}),
              "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
              "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640");
    EXPECT_EQ(derived("pleaseletmein", "SodiumChloride", {.n = 16384, .r = 8, .p = 1}),
              "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
              "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887");
}

TEST(Scrypt, RefusesACostThatNoRepositoryHas) {
    constexpr std::uint64_t kBig = std::uint64_t{1} << 63U;
    for (const ScryptCost cost : {ScryptCost{.n = 0, .r = 8, .p = 1},
                                  {.n = 1, .r = 8, .p = 1},
                                  {.n = 32767, .r = 8, .p = 1},
                                  {.n = kBig, .r = 8, .p = 1},
                                  {.n = 2U << 20U, .r = 8, .p = 1},
                                  {.n = 1U << 20U, .r = 8, .p = 1},
                                  {.n = 65536, .r = 1, .p = 1},
                                  {.n = 32768, .r = 0, .p = 1},
                                  {.n = 32768, .r = 8, .p = 0},
                                  {.n = 2, .r = 1, .p = 0xffffffff},
                                  {.n = 2, .r = 0xffffffff, .p = 1},
                                  {.n = 2, .r = 4, .p = 8U << 20U},
                                  {.n = 32768, .r = 8, .p = 5000}}) {
        const auto key = derive_key(Secret("x"), bytes_of("salt"), cost);
        ASSERT_FALSE(key) << cost.n << " " << cost.r << " " << cost.p;
        EXPECT_EQ(key.error().code(), Errc::kInvalid);
    }
}

TEST(Scrypt, TakesTheMostMemoryThatIsAllowed) {
    const auto key = derive_key(Secret("x"), bytes_of("salt"), {.n = 1U << 16U, .r = 127, .p = 1});
    EXPECT_TRUE(key) << key.error().message();
}

}  // namespace
}  // namespace muster::backup
