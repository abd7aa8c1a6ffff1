#include "cli/repository/look_format.h"

#include <gtest/gtest.h>

namespace muster::cli {
namespace {

TEST(LookFormat, AModeLooksAsInGo) {
    EXPECT_EQ(mode_text(backup::go_mode(0100644)), "-rw-r--r--");
    EXPECT_EQ(mode_text(backup::go_mode(0040755)), "drwxr-xr-x");
    EXPECT_EQ(mode_text(backup::go_mode(0120777)), "Lrwxrwxrwx");
    EXPECT_EQ(mode_text(backup::go_mode(0104755)), "urwxr-xr-x");
    EXPECT_EQ(mode_text(backup::go_mode(0041777)), "dtrwxrwxrwx");
    EXPECT_EQ(mode_text(backup::go_mode(0020644)), "Dcrw-r--r--");
    EXPECT_EQ(mode_text(backup::go_mode(0010600)), "prw-------");
}

TEST(LookFormat, JsonIsIndentedAsGoDoes) {
    EXPECT_EQ(indent_json(R"({"a":[1,{"b":"x, {\"y\": ["}],"c":{},"d":[ ]})"),
              "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"x, {\\\"y\\\": [\"\n    }\n  ],\n"
              "  \"c\": {},\n  \"d\": []\n}");
    EXPECT_EQ(indent_json("[]"), "[]");
    EXPECT_EQ(indent_json(R"({"a":"\\"})"), "{\n  \"a\": \"\\\\\"\n}");
}

TEST(LookFormat, JsonLinesHaveTheirFieldsInOrder) {
    EXPECT_EQ(JsonLine().text("a", "<\n>").number("b", 7).flag("c", true).raw("d", "[]").str(),
              R"({"a":"\u003c\n\u003e","b":7,"c":true,"d":[]})");
    EXPECT_EQ(JsonLine().str(), "{}");
    EXPECT_EQ(json_texts({}), "null");
    EXPECT_EQ(json_list({}), "[]");
}

}  // namespace
}  // namespace muster::cli
