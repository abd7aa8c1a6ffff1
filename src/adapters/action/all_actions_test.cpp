#include "adapters/action/all_actions.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "adapters/action/action_test_support.h"

namespace muster::adapters {
namespace {

std::string page_of(const std::string& type) {
    const std::ifstream page(std::string(MUSTER_SOURCE_DIR) + "/docs/reference/actions/" + type +
                             ".md");
    std::ostringstream text;
    text << page.rdbuf();
    return text.str();
}

// `approve` is the engine's own, not one of these.
std::map<std::string, plan::Type> types() {
    test::ActionWorld world;
    workflow::Actions actions;
    add_all_actions(actions, world.deps());
    auto all = actions.parameter_types();
    all.erase("approve");
    return all;
}

TEST(AllActions, EachHasAPageThatNamesEveryParameter) {
    for (const auto& [type, parameters] : types()) {
        const auto page = page_of(type);
        EXPECT_FALSE(page.empty()) << "docs/reference/actions/" << type << ".md is missing";
        for (const auto& field : parameters.fields) {
            EXPECT_NE(page.find("`" + field.name + "`"), std::string::npos)
                << type << ".md does not tell about " << field.name;
        }
    }
}

TEST(AllActions, EachHasATestBesideIt) {
    for (const auto& [type, parameters] : types()) {
        const auto test =
            std::string(MUSTER_SOURCE_DIR) + "/src/adapters/action/" + type + "_action_test.cpp";
        EXPECT_TRUE(std::filesystem::exists(test)) << test;
    }
}

TEST(AllActions, DescribeEveryParameter) {
    EXPECT_EQ(types().size(), 4U);
    for (const auto& [type, parameters] : types()) {
        EXPECT_FALSE(parameters.doc.empty()) << type;
        for (const auto& field : parameters.fields) {
            EXPECT_FALSE(field.type.doc.empty()) << type << "." << field.name;
        }
    }
}

}  // namespace
}  // namespace muster::adapters
