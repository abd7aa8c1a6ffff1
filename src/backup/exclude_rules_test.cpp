#include "backup/exclude_rules.h"

#include <gtest/gtest.h>

namespace muster::backup {
namespace {

std::optional<std::string> variable(std::string_view name) {
    if (name == "HOME") {
        return "/data/me";
    }
    return name == "EMPTY" ? std::optional<std::string>("") : std::nullopt;
}

TEST(PatternFile, SkipsCommentsAndBlanksAndExpandsVariables) {
    const auto patterns = parse_pattern_file(
        "\xef\xbb\xbf# first\r\n\n  *.o \t\r\n$HOME/a b\n${HOME}x\n$$HOME $\na$-b$EMPTY\n  # "
        "no\n!x",
        variable);
    ASSERT_TRUE(patterns.has_value());
    EXPECT_EQ(*patterns, (std::vector<std::string>{"*.o", "/data/me/a b", "/data/mex", "$HOME $",
                                                   "a$-b", "!x"}));
    EXPECT_TRUE(parse_pattern_file("", variable)->empty());
}

TEST(PatternFile, NamesTheLineThatIsBad) {
    for (const auto* const bad : {"a\n$HOMEE/*", "a\n${HOME", "\n${}", "\n${NO}x"}) {
        const auto patterns = parse_pattern_file(bad, variable);
        ASSERT_FALSE(patterns.has_value()) << bad;
        EXPECT_EQ(patterns.error().code(), Errc::kInvalid);
        EXPECT_NE(patterns.error().message().find("line 2"), std::string::npos);
        EXPECT_FALSE(patterns.error().hint().empty());
    }
    EXPECT_EQ(parse_pattern_file("\xff\xfe*\0", variable).error().code(), Errc::kInvalid);
}

TEST(TagFile, IsRecognisedByItsHeader) {
    const auto plain = TagFile::parse(".nobackup");
    ASSERT_TRUE(plain.has_value());
    EXPECT_TRUE(plain->is_marked_by({}));
    const auto tag = TagFile::parse("TAG:a:b");
    ASSERT_TRUE(tag.has_value());
    EXPECT_EQ(*tag, (TagFile{"TAG", "a:b"}));
    EXPECT_EQ(tag->wanted(), 3U);
    EXPECT_TRUE(tag->is_marked_by(bytes_of("a:bc")));
    EXPECT_FALSE(tag->is_marked_by(bytes_of("a:")));
    EXPECT_TRUE(TagFile::of_caches().is_marked_by(
        bytes_of("Signature: 8a477f597d28d172789f06886806bc55\n# by hand")));
    EXPECT_FALSE(TagFile::of_caches().is_marked_by(bytes_of("Signature: 8a477f597d28")));
    for (const auto* const bad : {"", ":a", "a/b", "/a:b"}) {
        EXPECT_EQ(TagFile::parse(bad).error().code(), Errc::kInvalid) << bad;
    }
}

TEST(SizeLimit, ReadsResticsUnitsAndOurs) {
    EXPECT_EQ(parse_size_limit("100")->bytes, 100);
    EXPECT_EQ(parse_size_limit("5k")->bytes, 5 * 1024);
    EXPECT_EQ(parse_size_limit("5K")->bytes, 5 * 1024);
    EXPECT_EQ(parse_size_limit("10M")->bytes, 10 * 1024 * 1024);
    EXPECT_EQ(parse_size_limit("2g")->bytes, 2LL << 30);
    EXPECT_EQ(parse_size_limit("1T")->bytes, 1LL << 40);
    EXPECT_EQ(parse_size_limit("16MB")->bytes, 16'000'000);
    for (const auto* const bad : {"", "k", "-1", "-1k", "1.5M", "9999999999T", "5 k", "1x"}) {
        EXPECT_EQ(parse_size_limit(bad).error().code(), Errc::kInvalid) << bad;
    }
}

}  // namespace
}  // namespace muster::backup
