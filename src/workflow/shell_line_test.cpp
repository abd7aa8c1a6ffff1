#include "workflow/shell_line.h"

#include <gtest/gtest.h>

namespace muster::workflow {
namespace {

TEST(ShellLine, QuotesWhatAShellWouldRead) {
    EXPECT_EQ(shell_quote("plain-1.0/x"), "plain-1.0/x");
    EXPECT_EQ(shell_quote(""), "''");
    EXPECT_EQ(shell_quote("it's $HOME"), "'it'\\''s $HOME'");
}

TEST(ShellLine, KeepsItsWordsApart) {
    EXPECT_EQ(shell_line({"touch", "a b", "c"}), "touch 'a b' c");
    EXPECT_EQ(shell_line({}), "");
}

}  // namespace
}  // namespace muster::workflow
