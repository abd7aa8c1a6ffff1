#include "adapters/blob/aws_credentials.h"

#include "adapters/blob/blob_test_support.h"
#include "adapters/blob/scripted_server_test_support.h"

namespace muster::adapters {
namespace {

std::string found(AwsCredentialSource& source) {
    const auto known = source.current();
    return known ? known->access_key + " " + known->secret_key.reveal() + " " +
                       known->session_token.reveal()
                 : "(" + std::string(to_string(known.error().code())) + ")";
}

std::string found(Fields environment) {
    test::PausingHost host;
    environment.emplace("AWS_EC2_METADATA_DISABLED", "true");
    AwsCredentialSource source(environment, host);
    return found(source);
}

TEST(AwsCredentials, StandInTheEnvironment) {
    EXPECT_EQ(found({{"AWS_ACCESS_KEY_ID", "a"}, {"AWS_SECRET_ACCESS_KEY", "b"}}), "a b ");
    EXPECT_EQ(found({{"AWS_ACCESS_KEY_ID", "a"},
                     {"AWS_SECRET_ACCESS_KEY", "b"},
                     {"AWS_SESSION_TOKEN", "c"}}),
              "a b c");
    EXPECT_EQ(found({{"AWS_ACCESS_KEY_ID", "a"}}), "(invalid)");
    EXPECT_EQ(found({{"AWS_SECRET_ACCESS_KEY", "a"}}), "(invalid)");
    EXPECT_EQ(found(Fields{}), "(denied)");
}

TEST(AwsCredentials, StandInAFile) {
    const test::Folder folder;
    const auto path = folder.write("file",
                                   "; a comment\n[default]\naws_access_key_id = a\r\n"
                                   "aws_secret_access_key=b=\n# x = y\n\n[ other ]\n"
                                   "aws_access_key_id=c\naws_secret_access_key=d\n"
                                   "aws_session_token=e\n[half]\naws_access_key_id=f\n");
    EXPECT_EQ(found({{"AWS_SHARED_CREDENTIALS_FILE", path}}), "a b= ");
    EXPECT_EQ(found({{"AWS_SHARED_CREDENTIALS_FILE", path}, {"AWS_PROFILE", "other"}}), "c d e");
    EXPECT_EQ(found({{"AWS_SHARED_CREDENTIALS_FILE", path}, {"AWS_PROFILE", "half"}}), "(invalid)");
    EXPECT_EQ(found({{"AWS_SHARED_CREDENTIALS_FILE", path}, {"AWS_PROFILE", "none"}}), "(invalid)");
    EXPECT_EQ(found({{"AWS_SHARED_CREDENTIALS_FILE", folder.file("absent")}}), "(invalid)");
    std::filesystem::create_directory(folder.file(".aws"));
    EXPECT_EQ(found({{"HOME", folder.path()}}), "(denied)");
    std::filesystem::rename(path, folder.file(".aws/credentials"));
    EXPECT_EQ(found({{"HOME", folder.path()}}), "a b= ");
    EXPECT_EQ(found({{"HOME", folder.path()},
                     {"AWS_ACCESS_KEY_ID", "env"},
                     {"AWS_SECRET_ACCESS_KEY", "x"}}),
              "env x ")
        << "the environment is first";
}

// An instance's metadata service; its credentials live for `minutes`.
std::string instance(const std::string& request, const test::PausingHost& host, int minutes) {
    if (request.starts_with("PUT /latest/api/token ")) {
        return request.contains("X-aws-ec2-metadata-token-ttl-seconds: ")
                   ? test::http_reply(200, "TOKEN")
                   : test::http_reply(400, "");
    }
    if (!request.contains("X-aws-ec2-metadata-token: TOKEN\r\n")) {
        return test::http_reply(401, "");
    }
    const std::string folder = "GET /latest/meta-data/iam/security-credentials/";
    if (request.starts_with(folder + " ")) {
        return test::http_reply(200, "role\n");
    }
    return request.starts_with(folder + "role ")
               ? test::http_reply(
                     200,
                     R"({"Code":"Success","AccessKeyId":"a","SecretAccessKey":"b","Token":"c",)"
                     R"("Expiration":")" +
                         format_wall(host.wall() + std::chrono::minutes(minutes)) + R"("})")
               : test::http_reply(404, "");
}

TEST(AwsCredentials, ComeFromTheInstanceAndAreRenewedBeforeTheyExpire) {
    test::PausingHost host;
    for (const auto& [minutes, expected] : {std::pair(60, 3U), std::pair(4, 6U)}) {
        test::ScriptedServer server(
            [&](const std::string& request) { return instance(request, host, minutes); });
        AwsCredentialSource source(
            {{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://" + server.address()}}, host);
        EXPECT_EQ(found(source), "a b c");
        EXPECT_EQ(found(source), "a b c");
        EXPECT_EQ(server.requests().size(), expected);
        source.forget();
        EXPECT_EQ(found(source), "a b c");
        EXPECT_EQ(server.requests().size(), expected + 3);
    }
}

TEST(AwsCredentials, AnInstanceThatFailsOnceIsOnlyUnavailable) {
    test::PausingHost host;
    bool is_broken = true;
    test::ScriptedServer server([&](const std::string& request) {
        return is_broken ? test::http_reply(500, "") : instance(request, host, 60);
    });
    AwsCredentialSource source(
        {{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://" + server.address()}}, host);
    EXPECT_EQ(found(source), "(denied)") << "nobody knows that this is an instance";
    is_broken = false;
    EXPECT_EQ(found(source), "a b c");
    is_broken = true;
    source.forget();
    EXPECT_EQ(found(source), "(unavailable)");
}

}  // namespace
}  // namespace muster::adapters
