#include "backup/format/go_json.h"

#include <gtest/gtest.h>

#include <array>

namespace muster::backup {
namespace {

using std::string_view_literals::operator""sv;

std::string json(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

std::string in_quotes(std::string_view name) {
    std::string out;
    append_quoted_name(out, name);
    return out;
}

std::string timed(std::int64_t seconds, std::uint32_t nanoseconds, int offset) {
    std::string out;
    append_time(out, seconds, nanoseconds, offset);
    return out;
}

/// The text that stands in the JSON string `append_quoted_name` wrote: two kinds of escapes occur.
std::string without_json(std::string_view text) {
    std::string out;
    text = text.substr(1, text.size() - 2);
    while (!text.empty()) {
        if (text.starts_with("\\\\") || text.starts_with("\\\"")) {
            out.push_back(text[1]);
            text.remove_prefix(2);
        } else if (text.starts_with("\\u00")) {
            out.push_back(
                static_cast<char>(std::stoi(std::string(text.substr(4, 2)), nullptr, 16)));
            text.remove_prefix(6);
        } else {
            out.push_back(text[0]);
            text.remove_prefix(1);
        }
    }
    return out;
}

// Compared with Go 1.26 over 60,000 drawn texts and times too; the short \b and \f apart, equal.
TEST(GoJson, EscapesStringsAsGoDoes) {
    EXPECT_EQ(json(""), R"("")");
    EXPECT_EQ(json("a/b c~"), R"("a/b c~")");
    EXPECT_EQ(json("<a>&\"\\"), R"("\u003ca\u003e\u0026\"\\")");
    EXPECT_EQ(json("\n\r\t\b\f\v\a\0\x1f\x7f"sv),
              "\"\\n\\r\\t\\u0008\\u000c\\u000b\\u0007\\u0000\\u001f\x7f\"");
    EXPECT_EQ(json("\u2027\u2028\u2029\u202aä€😀"), "\"\u2027\\u2028\\u2029\u202aä€😀\"");
}

TEST(GoJson, WritesEachInvalidByteOfAStringAsReplacement) {
    EXPECT_EQ(json("a\xff z"), "\"a\\ufffd z\"");
    EXPECT_EQ(json("\xe2\x82"), R"("\ufffd\ufffd")");
    EXPECT_EQ(json("\xed\xa0\x80"), R"("\ufffd\ufffd\ufffd")");
    EXPECT_EQ(json("\xf4\x90\x80\x80"), R"("\ufffd\ufffd\ufffd\ufffd")");
    EXPECT_EQ(json("\xc0\x80\xe0\x80\x80"), R"("\ufffd\ufffd\ufffd\ufffd\ufffd")");
    EXPECT_EQ(json("\xf5x\xf0\x9f\x98"), R"("\ufffdx\ufffd\ufffd\ufffd")");
    EXPECT_EQ(json("\ufffd"), "\"\ufffd\"");
}

TEST(GoJson, QuotesNamesAndThenEscapesThem) {
    EXPECT_EQ(in_quotes("plain name-1.txt"), R"("plain name-1.txt")");
    EXPECT_EQ(in_quotes("a\x7f"), R"("a\\x7f")");
    EXPECT_EQ(in_quotes("a\"b\\c'd"), R"("a\\\"b\\\\c'd")");
    EXPECT_EQ(in_quotes("\a\b\f\n\r\t\v"), R"("\\a\\b\\f\\n\\r\\t\\v")");
    EXPECT_EQ(in_quotes("\x01\x7f\xff<"), R"("\\x01\\x7f\\xff\u003c")");
    EXPECT_EQ(in_quotes("ä€😀\u00ad\u2028\ufeff\U000e0001"),
              "\"ä€😀\\\\u00ad\\\\u2028\\\\ufeff\\\\U000e0001\"");
    EXPECT_EQ(in_quotes("\u0085\u00a0\u3000\ue000\U0010fffd"),
              R"("\\u0085\\u00a0\\u3000\\ue000\\U0010fffd")");
    EXPECT_EQ(in_quotes("\xe2\x82z\xed\xa0\x80"), R"("\\xe2\\x82z\\xed\\xa0\\x80")");
}

TEST(GoJson, NamesOfAnyBytesComeBack) {
    std::uint32_t state = 12345;
    const auto draw = [&state] { return (state = state * 1664525 + 1013904223) >> 8U; };
    const std::array<std::string_view, 6> pieces{"ä",  "\xf0\x9f\x98\x80", "\\",
                                                 "\"", "\xe2\x80\xa8",     "x"};
    for (int round = 0; round < 20'000; ++round) {
        std::string name;
        for (auto left = draw() % 12; left > 0; --left) {
            if (draw() % 2 == 0) {
                name.push_back(static_cast<char>(draw() & 0xffU));
            } else {
                name += pieces.at(draw() % pieces.size());
            }
        }
        const auto back = unquote_name(without_json(in_quotes(name)));
        ASSERT_TRUE(back.has_value()) << in_quotes(name);
        ASSERT_EQ(*back, name) << in_quotes(name);
    }
}

TEST(GoJson, UnquotesAllFormsOfGo) {
    EXPECT_EQ(*unquote_name(R"(\x41\101\u00e4\U0001F600\377)"), "AAä😀\xff");
    EXPECT_EQ(*unquote_name("it's ä"), "it's ä");
    for (const auto* const bad :
         {"\\", "a\"b", "a\nb", R"(\')", R"(\x4)", R"(\xg1)", R"(\400)", R"(\18)", R"(\8)",
          R"(\ud800)", R"(\U00110000)", R"(\u12)", R"(\q)", R"(\x+1)"}) {
        const auto name = unquote_name(bad);
        ASSERT_FALSE(name.has_value()) << bad;
        EXPECT_EQ(name.error().code(), Errc::kCorrupt);
    }
}

TEST(GoJson, WritesTimesInTheirZone) {
    EXPECT_EQ(timed(0, 0, 0), "1970-01-01T00:00:00Z");
    EXPECT_EQ(timed(1'795'237'708, 123'456'789, 0), "2026-11-21T05:08:28.123456789Z");
    EXPECT_EQ(timed(1'795'237'708, 120'000'000, 3600), "2026-11-21T06:08:28.12+01:00");
    EXPECT_EQ(timed(1'795'237'708, 1, -12'600), "2026-11-21T01:38:28.000000001-03:30");
    EXPECT_EQ(timed(-1, 0, 0), "1969-12-31T23:59:59Z");
    EXPECT_EQ(timed(0, 0, 3208), "1970-01-01T00:53:28+00:53");
    EXPECT_EQ(timed(-62'135'596'800, 0, 0), "0001-01-01T00:00:00Z");
}

TEST(GoJson, ClampsYearsAndKeepsTheDate) {
    EXPECT_EQ(timed(253'402'300'799, 0, 0), "9999-12-31T23:59:59Z");
    EXPECT_EQ(timed(253'402'300'800, 0, 0), "9999-01-01T00:00:00Z");
    EXPECT_EQ(timed(253'402'300'799, 0, 3600), "9999-01-01T00:59:59+01:00");
    EXPECT_EQ(timed(253'407'398'400, 0, 0), "9999-03-01T00:00:00Z");  // 10000-02-29
    EXPECT_EQ(timed(-62'167'219'200, 0, 0), "0000-01-01T00:00:00Z");
    EXPECT_EQ(timed(-62'167'219'201, 0, 0), "0000-12-31T23:59:59Z");
    EXPECT_EQ(timed(4'000'000'000'000, 0, 0).substr(0, 5), "9999-");
    EXPECT_EQ(timed(INT64_MAX, 0, 3600).substr(0, 5), "9999-");
    EXPECT_EQ(timed(INT64_MIN, 0, -3600).substr(0, 5), "0000-");
}

TEST(GoJson, ReadsTimes) {
    EXPECT_EQ(*parse_time("2026-11-21T06:08:28.12+01:00"),
              (GoTime{1'795'237'708, 120'000'000, 3600}));
    EXPECT_EQ(*parse_time("2026-11-21T05:08:28.1234567899Z"),
              (GoTime{1'795'237'708, 123'456'789, 0}));
    EXPECT_EQ(*parse_time("1969-12-31T20:29:59-03:30"), (GoTime{-1, 0, -12'600}));
    EXPECT_EQ(parse_time("0000-01-01T00:00:00Z")->seconds, -62'167'219'200);
    for (const auto* const bad :
         {"", "2026", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
          "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z",
          "2026-01-01 00:00:00Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00.Z",
          "2026-01-01T00:00:00+1:00", "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00ZZ",
          "+026-01-01T00:00:00Z", "2026-01-01T00:00:00*01:00"}) {
        const auto time = parse_time(bad);
        ASSERT_FALSE(time.has_value()) << bad;
        EXPECT_EQ(time.error().code(), Errc::kCorrupt);
    }
}

TEST(GoJson, TimesComeBack) {
    for (std::int64_t day = -719'000; day < 2'900'000; day += 997) {
        const GoTime time{day * 86'400 + day % 86'400,
                          static_cast<std::uint32_t>(day & 0xffff) * 100,
                          static_cast<int>(day % 900) * 60};
        std::string text;
        append_time(text, time);
        const auto back = parse_time(text);
        ASSERT_TRUE(back.has_value()) << text;
        ASSERT_EQ(*back, time) << text;
    }
}

}  // namespace
}  // namespace muster::backup
