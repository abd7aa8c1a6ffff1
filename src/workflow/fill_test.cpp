#include "workflow/fill.h"

#include <gtest/gtest.h>

namespace muster::workflow {
namespace {

Run example() {
    Run run;
    run.spec.id = RunId("r-1");
    run.spec.parameters = {{"mode", "fast"}};
    run.spec.cause.from = SiteId("east");
    run.spec.cause.to = SiteId("west");
    run.spec.cause.service = ServiceId("shop");
    run.spec.cause.epoch = {18'446'744'073'709'551'615U};
    run.steps[StepId("orders.promote")].outputs = {{"lsn", "0/3000148"}};
    return run;
}

Result<std::string> filled(std::string text) {
    plan::Node node;
    node.kind = plan::Node::Kind::kScalar;
    node.scalar = std::move(text);
    TRY(const auto out, fill(node, example()));
    return out.scalar;
}

TEST(Fill, ReplacesEveryKindOfReference) {
    EXPECT_EQ(filled("${steps.orders.promote.lsn}"), "0/3000148");
    EXPECT_EQ(filled("a ${parameters.mode} b ${run.id}${run.from}"), "a fast b r-1east");
    EXPECT_EQ(filled("${run.to}/${run.service}/${run.epoch}"), "west/shop/18446744073709551615");
    EXPECT_EQ(filled("nothing here $ {x} }"), "nothing here $ {x} }");
    EXPECT_EQ(filled(""), "");
}

TEST(Fill, LeavesAnEscapedDollarAlone) {
    EXPECT_EQ(filled("$${HOME} ${run.to}"), "${HOME} west");
}

TEST(Fill, TakesTheDefaultOnlyWhereThereIsNoValue) {
    EXPECT_EQ(filled("${steps.orders.promote.timeline:-unknown}"), "unknown");
    EXPECT_EQ(filled("${steps.orders.promote.lsn:-unknown}"), "0/3000148");
    EXPECT_EQ(filled("${parameters.none:-}"), "");
}

TEST(Fill, RefusesWhatHasNoValueAndNamesIt) {
    for (const char* text : {"${steps.orders.promote.timeline}", "${parameters.none}"}) {
        const auto out = filled(text);
        ASSERT_FALSE(out.has_value());
        EXPECT_EQ(out.error().code(), Errc::kInvalid);
        EXPECT_NE(out.error().message().find(text), std::string::npos);
    }
}

TEST(Fill, RefusesWhatItCantRead) {
    for (const char* text : {"${", "${run.to", "${}", "${run}", "${run.}", "${run.password}",
                             "${steps.a}", "${steps..x}", "${steps.a.}", "${HOME}", "${env.X}"}) {
        const auto out = filled(text);
        ASSERT_FALSE(out.has_value()) << text;
        EXPECT_EQ(out.error().code(), Errc::kInvalid) << text;
    }
}

TEST(Fill, ReachesEveryTextOfATreeAndNoKey) {
    plan::Node text;
    text.kind = plan::Node::Kind::kScalar;
    text.scalar = "${run.to}";
    plan::Node list;
    list.kind = plan::Node::Kind::kList;
    list.items = {text, text};
    plan::Node map;
    map.kind = plan::Node::Kind::kMap;
    map.entries = {{"${run.to}", {}, list}};
    const auto out = fill(map, example());
    ASSERT_TRUE(out.has_value());
    EXPECT_EQ(out->entries[0].key, "${run.to}");
    EXPECT_EQ(out->entries[0].value.items[1].scalar, "west");
    const auto found = references_in(map);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->size(), 2U);
}

}  // namespace
}  // namespace muster::workflow
