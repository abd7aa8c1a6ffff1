#include "adapters/net/listen_address.h"

#include <gtest/gtest.h>

namespace muster::adapters {
namespace {

TEST(ListenAddress, IsAnAddressAndAPort) {
    EXPECT_EQ(read_listen_address("127.0.0.1:0")->port(), 0);
    EXPECT_EQ(read_listen_address("localhost:8080")->address().to_string(), "127.0.0.1");
    const auto six = read_listen_address("[2001:db8::1]:53").value();
    EXPECT_EQ(six.address().to_string(), "2001:db8::1");
    EXPECT_EQ(six.port(), 53);
}

TEST(ListenAddress, NothingElseIsTaken) {
    for (const auto* text :
         {"", ":", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:80x",
          "127.0.0.1:65536", "127.0.0.1:-1", "::1:53", "[::1]", "example.com:80", "300.0.0.1:80"}) {
        const auto refused = read_listen_address(text);
        ASSERT_FALSE(refused) << text;
        EXPECT_EQ(refused.error().code(), Errc::kInvalid);
    }
}

}  // namespace
}  // namespace muster::adapters
