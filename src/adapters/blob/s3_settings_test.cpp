#include <gtest/gtest.h>

#include "adapters/blob/s3_store.h"

namespace muster::adapters {
namespace {

S3Settings settings_for(const std::string& address, const StoreOptions& options) {
    auto settings = S3Settings::read(address, options);
    EXPECT_TRUE(settings.has_value()) << settings.error().message();
    return std::move(settings).value();
}

TEST(S3Settings, ReadsWhereItIs) {
    struct Case {
        std::string address;
        std::string scheme;
        std::string host;
        std::string bucket;
        std::string prefix;
        bool is_virtual_host;
        std::string region;
    };
    for (const auto& one : std::vector<Case>{
             {"https://h:1/b", "https", "h:1", "b", "", false, "us-east-1"},
             {"http://h/b/p/q/", "http", "h", "b", "p/q/", false, "us-east-1"},
             {"h:9000/b//", "https", "h:9000", "b", "", false, "us-east-1"},
             {"//h/b/p", "https", "h", "b", "p/", false, "us-east-1"},
             {"s3.amazonaws.com/b", "https", "s3.amazonaws.com", "b", "", true, "us-east-1"},
             {"s3.eu-west-1.amazonaws.com/b.c", "https", "s3.eu-west-1.amazonaws.com", "b.c", "",
              false, "eu-west-1"},
             {"s3-eu-west-1.amazonaws.com/b", "https", "s3-eu-west-1.amazonaws.com", "b", "", true,
              "eu-west-1"},
             {"s3.dualstack.ap-south-1.amazonaws.com/b", "https",
              "s3.dualstack.ap-south-1.amazonaws.com", "b", "", true, "ap-south-1"},
             {"https://[::1]:9000/b", "https", "[::1]:9000", "b", "", false, "us-east-1"}}) {
        const auto settings = settings_for(one.address, {});
        EXPECT_EQ(settings.scheme, one.scheme) << one.address;
        EXPECT_EQ(settings.host, one.host) << one.address;
        EXPECT_EQ(settings.bucket, one.bucket) << one.address;
        EXPECT_EQ(settings.prefix, one.prefix) << one.address;
        EXPECT_EQ(settings.is_virtual_host, one.is_virtual_host) << one.address;
        EXPECT_EQ(settings.region, one.region) << one.address;
    }
    StoreOptions options;
    options.environment["AWS_REGION"] = "a";
    EXPECT_EQ(settings_for("h/b", options).region, "a");
    options.extended["s3.region"] = "b";
    EXPECT_EQ(settings_for("h/b", options).region, "b");
}

TEST(S3Settings, RefusesWhatCanBeNoPlace) {
    for (const auto* address : {"", "host", "host/", "https://host", "https:///b", "ftp://host/b",
                                "https://key:secret@host/b", "host/b?x/y", "host/b ucket"}) {
        const auto settings = S3Settings::read(address, {});
        ASSERT_FALSE(settings.has_value()) << address;
        EXPECT_EQ(settings.error().code(), Errc::kInvalid);
        EXPECT_FALSE(settings.error().message().contains("secret"));
    }
    for (const auto& [name, value] : Fields{{"s3.bucket-lookup", "x"},
                                            {"s3.connections", "-1"},
                                            {"s3.regoin", "x"},
                                            {"s3.part-size", "4"}}) {
        StoreOptions options;
        options.extended = {{name, value}};
        EXPECT_FALSE(S3Settings::read("host/b", options).has_value()) << name;
    }
}

}  // namespace
}  // namespace muster::adapters
