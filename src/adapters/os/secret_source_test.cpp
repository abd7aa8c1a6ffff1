#include "adapters/os/secret_source.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "adapters/os/folder_test_support.h"

namespace muster::adapters {
namespace {

class SecretFiles : public testing::Test {
  protected:
    SecretSource holding(const std::string& text) { return {folder_.write("token", text), {}}; }
    test::Folder folder_;
};

TEST_F(SecretFiles, LoseTheirLineEnd) {
    EXPECT_EQ(read_secret(holding("s3cret\n")).value().reveal(), "s3cret");
}

TEST_F(SecretFiles, MustHoldASecretOfSensibleSize) {
    EXPECT_EQ(read_secret(holding("\n")).error().code(), Errc::kInvalid);
    EXPECT_EQ(read_secret(holding(std::string(70'000, 'x'))).error().code(), Errc::kInvalid);
    EXPECT_EQ(read_secret({folder_.file("missing"), {}}).error().code(), Errc::kNotFound);
    EXPECT_EQ(read_secret({folder_.path(), {}}).error().code(), Errc::kDenied);
}

TEST_F(SecretFiles, MayBeVariablesInstead) {
    setenv("MUSTER_TEST_TOKEN", "t0ken", 1);
    EXPECT_EQ(read_secret({{}, "MUSTER_TEST_TOKEN"}).value().reveal(), "t0ken");
    unsetenv("MUSTER_TEST_TOKEN");
    EXPECT_EQ(read_secret({{}, "MUSTER_TEST_TOKEN"}).error().code(), Errc::kNotFound);
    EXPECT_EQ(read_secret({}).error().code(), Errc::kInvalid);
}

}  // namespace
}  // namespace muster::adapters
