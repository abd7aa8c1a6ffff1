#include "backup/format/tree.h"

#include <gtest/gtest.h>

#include "backup/format/zone_clock.h"
#include "backup/testing/test_host.h"

namespace muster::backup {
namespace {

std::string written(const Node& node) {
    testing::TestHost host;
    ZoneClock zone(host);
    std::string text;
    append_node(text, node, zone);
    return text;
}

Result<std::vector<Node>> read(const std::string& nodes) {
    return decode_tree(Buffer(bytes_of(R"({"nodes":[)" + nodes + "]}\n")));
}

Errc code_of(const std::string& nodes) {
    const auto tree = read(nodes);
    EXPECT_FALSE(tree.has_value()) << nodes;
    return tree ? Errc::kInvalid : tree.error().code();
}

TEST(Tree, LinkKeepsATargetThatIsNoUtf8) {
    Node node;
    node.name = "l";
    node.type = NodeType::kSymlink;
    node.link_target = "a\xff";
    const std::string text = written(node);
    EXPECT_NE(text.find(R"("linktarget":"a\ufffd","linktarget_raw":"Yf8=")"), std::string::npos)
        << text;
    const auto back = read(text);
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(back->front().link_target, "a\xff");
}

TEST(Tree, LinkToAReplacementCharacterIsWrittenAsResticDoes) {
    for (const std::string target : {"\xef\xbf\xbd", R"(\ufffd)"}) {
        Node node;
        node.name = "l";
        node.type = NodeType::kSymlink;
        node.link_target = target;
        const std::string text = written(node);
        EXPECT_EQ(text.find("linktarget_raw"), std::string::npos) << text;
        EXPECT_EQ(read(text)->front().link_target, target);
    }
}

TEST(Tree, NamesThatNoDirectoryCanHaveAreRefused) {
    for (const std::string name :
         {"", ".", "..", "a/b", "/", R"(a\u0000b)", R"(\\x00)", R"(\\x2f)"}) {
        EXPECT_EQ(code_of(R"({"name":")" + name + R"(","type":"file"})"), Errc::kCorrupt) << name;
    }
    EXPECT_EQ(code_of(R"({"type":"file"})"), Errc::kCorrupt);
    EXPECT_EQ(code_of(R"({"name":"a","type":"file"},{"name":"b","type":"file"},)"
                      R"({"name":"\\x61","type":"file"})"),
              Errc::kCorrupt);
}

TEST(Tree, TypesMustFitTheirParts) {
    EXPECT_EQ(code_of(R"({"name":"a","type":"dir"})"), Errc::kCorrupt);
    EXPECT_EQ(code_of(R"({"name":"a","type":"file","subtree":")" + std::string(64, 'a') + R"("})"),
              Errc::kCorrupt);
    EXPECT_EQ(code_of(R"({"name":"a","type":"door"})"), Errc::kCorrupt);
    EXPECT_EQ(code_of(R"({"name":"a","type":"file","size":-1})"), Errc::kCorrupt);
    EXPECT_EQ(code_of(R"({"name":"a","type":"file","content":["x"]})"), Errc::kCorrupt);
    EXPECT_EQ(code_of(R"({"name":"a","type":"file","uid":4294967296})"), Errc::kCorrupt);
}

TEST(Tree, NodesComeSortedByTheirRawNames) {
    const auto tree = read(R"({"name":"b","type":"file"},{"name":"a","type":"file"})");
    ASSERT_TRUE(tree.has_value());
    EXPECT_EQ(tree->front().name, "a");
}

TEST(Tree, FieldsOfLaterVersionsArePassedOver) {
    const auto tree = read(R"({"later":[1,{"x":null}],"name":"b","type":"file",)"
                           R"("generic_attributes":{"windows.x":"y"},"extended_attributes":null})");
    ASSERT_TRUE(tree.has_value());
    EXPECT_EQ(tree->front().name, "b");
}

TEST(Tree, ModesComeBack) {
    for (const std::uint32_t type :
         {0100000U, 0040000U, 0120000U, 0060000U, 0020000U, 0010000U, 0140000U}) {
        for (std::uint32_t bits = 0; bits <= 07777U; ++bits) {
            ASSERT_EQ(system_mode(go_mode(type | bits)), type | bits);
        }
    }
}

TEST(Tree, NoTreeIsRead) {
    for (const std::string text : {"", "[]", "{}", R"({"nodes":3})", R"({"nodes":[3]})", "{"}) {
        const auto tree = decode_tree(Buffer(bytes_of(text)));
        ASSERT_FALSE(tree.has_value()) << text;
        EXPECT_EQ(tree.error().code(), Errc::kCorrupt);
    }
    EXPECT_TRUE(decode_tree(Buffer(bytes_of(R"({"nodes":null})")))->empty());
}

}  // namespace
}  // namespace muster::backup
