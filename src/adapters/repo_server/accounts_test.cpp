#include "adapters/repo_server/accounts.h"

#include <crypt.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <utime.h>

#include <filesystem>

#include "adapters/os/folder_test_support.h"

namespace muster::adapters::repo_server {

namespace {

/// Time that only the test moves.
class HeldClock final : public Clock {
  public:
    [[nodiscard]] Instant now() const override { return now_; }
    [[nodiscard]] WallTime wall() const override { return {}; }
    Task<> sleep_until(Instant /*when*/) override { co_return Result<>{}; }
    void move(Duration by) { now_ += by; }

  private:
    Instant now_{std::chrono::hours(1)};
};

std::string bcrypt(const std::string& password) {
    crypt_data work{};
    return ::crypt_r(password.c_str(), "$2y$04$abcdefghijklmnopqrstuu", &work);
}

constexpr const char* kShaOfSecret = "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=";

Credentials anna(const std::string& password) {
    return {"anna", Secret(password), true};
}

class AccountsTest : public ::testing::Test {
  protected:
    std::unique_ptr<Accounts> load(const std::string& text) {
        auto loaded = Accounts::load(folder_.write("accounts", text), clock_, log_);
        EXPECT_TRUE(loaded) << loaded.error().message();
        return std::move(*loaded);
    }
    // Files written within one tick of the file system's clock look alike but for their size.
    void change(const std::string& text) {
        folder_.write("accounts", text);
        clock_.move(std::chrono::seconds(2));
    }

    test::Folder folder_;
    HeldClock clock_;
    NullLog log_;
};

TEST(Password, ChecksBcryptAndSha) {
    const auto hash = bcrypt("secret");
    ASSERT_TRUE(is_supported_hash(hash));
    EXPECT_TRUE(password_matches(hash, Secret("secret")));
    EXPECT_FALSE(password_matches(hash, Secret("Secret")));
    EXPECT_FALSE(password_matches(hash, Secret("")));
    EXPECT_FALSE(password_matches(hash, Secret(std::string("secret\0x", 8))));
    EXPECT_TRUE(password_matches(kShaOfSecret, Secret("secret")));
    EXPECT_FALSE(password_matches(kShaOfSecret, Secret("other")));
}

TEST(Password, ChecksAHashThatHtpasswdMade) {
    // A published test vector of bcrypt (OpenBSD, cost 5), with htpasswd's letter.
    const std::string hash = "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    EXPECT_TRUE(password_matches(hash, Secret("U*U")));
    EXPECT_FALSE(password_matches(hash, Secret("U*V")));
}

TEST(Password, RefusesOtherHashes) {
    for (const std::string hash :
         {"", "secret", "$apr1$x$y", "$6$salt$hash", "{SHA}", "{SHA}short", "$2y$31$short"}) {
        EXPECT_FALSE(is_supported_hash(hash)) << hash;
    }
    EXPECT_FALSE(is_supported_hash("$2y$18$" + std::string(53, '.'))) << "it would take minutes";
    EXPECT_TRUE(is_supported_hash(nobodys_hash()));
}

TEST(Password, ReadsBasicCredentials) {
    const auto read = read_credentials("Basic YW5uYTpzZTpjcmV0");
    ASSERT_TRUE(read.is_given);
    EXPECT_EQ(read.account, "anna");
    EXPECT_EQ(read.password.reveal(), "se:cret");
    EXPECT_TRUE(read_credentials("bASIC  YTo=").is_given);
    for (const auto* header : {"", "Basic", "Basic ", "Bearer YW5uYTpzZWNyZXQ=", "Basic YW5uYQ==",
                               "Basic !!!!", "Basic YTo", "Basic YTo=="}) {
        EXPECT_FALSE(read_credentials(header).is_given) << header;
    }
}

TEST(ReadAccounts, SkipsCommentsAndEmptyLines) {
    const auto read = read_accounts(std::string("# all\n\n  anna:") + kShaOfSecret +
                                    "\r\n\nb@x.y:" + bcrypt("x") + ":more");
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(read->size(), 2U);
    EXPECT_EQ(read->at("anna"), kShaOfSecret);
}

TEST(ReadAccounts, NamesTheLineButNotWhatItHolds) {
    for (const std::string text :
         {"anna:plaintext", "anna", ":x", "an/na:x", "..:x", ".x:y", "an na:x"}) {
        const auto read = read_accounts("# first\n" + text);
        ASSERT_FALSE(read) << text;
        EXPECT_EQ(read.error().code(), Errc::kInvalid);
        EXPECT_TRUE(read.error().message().starts_with("line 2 ")) << read.error().message();
        EXPECT_EQ(read.error().message().find("plaintext"), std::string::npos);
    }
    EXPECT_FALSE(read_accounts("# nobody\n"));
}

TEST_F(AccountsTest, KnowRightFromWrong) {
    const auto accounts = load("anna:" + bcrypt("secret") + "\n");
    EXPECT_TRUE(accounts->verify(anna("secret")));
    EXPECT_FALSE(accounts->verify(anna("wrong")));
    EXPECT_FALSE(accounts->verify({"bert", Secret("secret"), true}));
    EXPECT_TRUE(accounts->verify(anna("secret"))) << "remembered by now";
    EXPECT_FALSE(accounts->verify(anna("wrong"))) << "not although another is remembered";
}

TEST_F(AccountsTest, ForgetAPasswordWithTheFileThatHadIt) {
    const auto accounts = load("anna:" + bcrypt("secret") + "\nbert:" + bcrypt("x") + "\n");
    EXPECT_TRUE(accounts->verify(anna("secret")));
    change("bert:" + bcrypt("x") + "\n");
    EXPECT_FALSE(accounts->verify(anna("secret")));
    change("anna:" + bcrypt("new") + "\n#longer\n");
    EXPECT_FALSE(accounts->verify(anna("secret")));
    EXPECT_TRUE(accounts->verify(anna("new")));
}

TEST_F(AccountsTest, AreReadAgainAtOnceWhenTold) {
    const auto accounts = load("anna:" + bcrypt("secret") + "\n");
    folder_.write("accounts", "anna:" + bcrypt("new") + "\n");
    accounts->reload();
    EXPECT_TRUE(accounts->verify(anna("new")));
    EXPECT_FALSE(accounts->verify(anna("secret")));
}

TEST_F(AccountsTest, StayWhenTheFileIsBadOrGone) {
    const auto accounts = load("anna:" + bcrypt("secret") + "\n");
    change("anna:plaintext\n");
    EXPECT_TRUE(accounts->verify(anna("secret")));
    std::filesystem::remove(folder_.file("accounts"));
    clock_.move(std::chrono::seconds(2));
    EXPECT_TRUE(accounts->verify(anna("secret")));
    change("anna:" + bcrypt("new") + "\n");
    EXPECT_TRUE(accounts->verify(anna("new")));
}

TEST_F(AccountsTest, CantBeLoadedFromWhatIsNoFile) {
    const auto none = Accounts::load(folder_.file("none"), clock_, log_);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code(), Errc::kNotFound);
    EXPECT_FALSE(Accounts::load(folder_.path(), clock_, log_));
    EXPECT_FALSE(Accounts::load(folder_.write("empty", ""), clock_, log_));
}

}  // namespace

}  // namespace muster::adapters::repo_server
