#include "adapters/action/journal_text.h"

#include <gtest/gtest.h>

namespace muster::adapters {
namespace {

TEST(JournalText, KeepsWhatIsValid) {
    EXPECT_EQ(journal_text("plain \xc3\xbc \xe2\x82\xac \xf0\x9f\x9a\xa8 \n\t "),
              "plain \xc3\xbc \xe2\x82\xac \xf0\x9f\x9a\xa8");
}

TEST(JournalText, ReplacesWhatIsNot) {
    const std::string mark = "\xef\xbf\xbd";
    EXPECT_EQ(journal_text(std::string_view("a\0b", 3)), "a" + mark + "b");
    EXPECT_EQ(journal_text("\x1b[31mred\x7f"), mark + "[31mred" + mark) << "steers a terminal";
    EXPECT_EQ(journal_text("\xc2\x9b\xc2\xa0"), mark + mark + "\xc2\xa0") << "C1, and not C1";
    EXPECT_EQ(journal_text("\xff"), mark);
    EXPECT_EQ(journal_text("\xc0\xaf"), mark + mark) << "overlong";
    EXPECT_EQ(journal_text("\xed\xa0\x80"), mark + mark + mark) << "surrogate";
    EXPECT_EQ(journal_text("x\xe2\x82"), "x" + mark + mark) << "cut off";
}

TEST(JournalText, FindsTheLastLineThatSaysSomething) {
    EXPECT_EQ(last_line("one\ntwo\n\n  \n"), "two");
    EXPECT_EQ(last_line(""), "");
    EXPECT_EQ(last_line(std::string(1000, 'x')).size(), 300U);
}

}  // namespace
}  // namespace muster::adapters
