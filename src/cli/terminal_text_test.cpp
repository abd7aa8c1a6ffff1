#include "cli/terminal_text.h"

#include <gtest/gtest.h>

#include <sstream>

namespace muster::cli {
namespace {

TEST(TerminalText, NamesDoNotActOnATerminal) {
    EXPECT_EQ(printable("plain ä 名"), "plain ä 名");
    EXPECT_EQ(printable("\x1b[2J\n\x7f"), "\\x1b[2J\\x0a\\x7f");
    EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3");
    EXPECT_EQ(printable("\u202e\u0085"), "\\u202e\\u0085");
    std::ostringstream out;
    const Streams streams{out, out};
    EXPECT_EQ(shown("\x1b", streams), "\x1b") << "raw where no terminal is";
}

TEST(TerminalText, LinesKeepTheirEnds) {
    EXPECT_EQ(printable_lines("a\x1b[1m\nb\r\n"), "a\\x1b[1m\nb\\x0d\n");
    EXPECT_EQ(printable_lines(""), "");
}

}  // namespace
}  // namespace muster::cli
