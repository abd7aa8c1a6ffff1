#include <gtest/gtest.h>

#include "plan/cycles.h"
#include "plan/graph.h"
#include "plan/load.h"
#include "plan/nearest.h"
#include "plan/scalar.h"
#include "plan/starter.h"

namespace muster::plan {
namespace {

Node scalar(std::string text, bool is_quoted = false) {
    Node node;
    node.kind = Node::Kind::kScalar;
    node.scalar = std::move(text);
    node.is_quoted = is_quoted;
    return node;
}

Node map_of(std::vector<Node::Entry> entries) {
    Node node;
    node.kind = Node::Kind::kMap;
    node.entries = std::move(entries);
    return node;
}

TEST(Scalar, TellsNumbersBooleansAndTextsApart) {
    EXPECT_EQ(scalar_kind(scalar("12")), ScalarKind::kNumber);
    EXPECT_EQ(scalar_kind(scalar("-1.5e3")), ScalarKind::kNumber);
    EXPECT_EQ(scalar_kind(scalar("12", true)), ScalarKind::kText);
    EXPECT_EQ(scalar_kind(scalar("TRUE")), ScalarKind::kBoolean);
    for (const char* text : {"yes", "0x10", ".inf", "nan", "1m", "1.2.3", "", "+", ".", "-+1"}) {
        EXPECT_EQ(scalar_kind(scalar(text)), ScalarKind::kText) << text;
    }
}

TEST(Scalar, TakesDurationsWithUnitsFromLargeToSmall) {
    for (const char* text : {"0s", "250ms", "1m30s", "7d", "1d2h3m4s5ms6us7ns"}) {
        EXPECT_TRUE(is_duration(text)) << text;
        EXPECT_TRUE(parse_duration(text)) << text;
    }
    for (const char* text : {"", "5", "s", "30s1m", "1s1s", "99999d", "1 s", "1.5s", "-1s"}) {
        EXPECT_FALSE(is_duration(text)) << text;
    }
}

TEST(Node, ReadersGiveTheFallbackForWhatIsMissingOrOdd) {
    const Node node = map_of({{"n", {}, scalar("4.0")},
                              {"f", {}, scalar("false")},
                              {"t", {}, scalar("x")},
                              {"e", {}, scalar("1e99")}});
    EXPECT_EQ(node.integer("n", 1), 4);
    EXPECT_EQ(node.integer("t", 1), 1);
    EXPECT_EQ(node.integer("e", 1), 1);
    EXPECT_FALSE(node.flag("f", true));
    EXPECT_TRUE(node.flag("t", true));
    EXPECT_EQ(node.text("missing", "y"), "y");
    EXPECT_EQ(node.texts("t"), std::vector<std::string>{"x"});
}

TEST(Nearest, FindsTheNameThatWasMeant) {
    const std::vector<std::string> known{"standby", "primary", "strategy", "owner"};
    EXPECT_EQ(nearest("stanby", known), "standby");
    EXPECT_EQ(nearest("priamry", known), "primary");
    EXPECT_EQ(nearest("Owner", known), "owner");
    EXPECT_EQ(nearest("replicas", known), "");
    EXPECT_EQ(suggest("replicas", known), "known here: standby, primary, strategy, owner");
}

TEST(Cycles, FindsEachCircleOnceAndNoneInATree) {
    EXPECT_TRUE(find_cycles({{"a", {"b", "c"}}, {"b", {"c"}}, {"c", {}}}).empty());
    const auto cycles = find_cycles({{"a", {"b"}}, {"b", {"a"}}, {"c", {"a", "d"}}, {"d", {"c"}}});
    EXPECT_EQ(cycles.size(), 2U);
    EXPECT_EQ(all_needed({{"a", {"b"}}, {"b", {"c"}}, {"c", {"b"}}}, "a"),
              (std::vector<std::string>{"b", "c"}));
}

TEST(Load, SaysThatAnEmptyPlanIsEmpty) {
    const auto loaded = load({}, {}, "d");
    ASSERT_EQ(loaded.diagnostics.size(), 1U);
    EXPECT_EQ(format(loaded.diagnostics[0], "p.yaml"),
              "p.yaml:1:1: error: the plan is empty\n"
              "  hint: `muster init` writes a plan to start from");
}

TEST(Load, CountsWhatIsPastTheLimitOfMistakes) {
    std::vector<Node::Entry> entries;
    for (int i = 0; i < 900; ++i) {
        entries.push_back({"x" + std::to_string(i), {i + 1, 1}, scalar("y")});
    }
    const auto loaded = load(map_of(std::move(entries)), {}, "");
    EXPECT_EQ(loaded.diagnostics.size(), 501U);
    EXPECT_NE(loaded.diagnostics.back().message.find("more mistakes"), std::string::npos);
}

TEST(Schema, NamesEveryPartOfTheLanguageOnce) {
    Vocabulary vocabulary;
    vocabulary.probes["tcp"] = Type::object({}, "a probe");
    vocabulary.kinds["custom"] = Type::object({}, "a kind");
    const auto text = to_json_schema(plan_type(vocabulary));
    for (const char* part : {"\"site\": {", "\"component\": {"}) {
        EXPECT_NE(text.find(part), std::string::npos) << part;
        EXPECT_EQ(text.find(part), text.rfind(part)) << part;
    }
}

Plan small_plan() {
    Plan plan;
    plan.name = "a<b>&\"c\"";
    plan.sites.push_back({SiteId("east"), "a", false, {}});
    plan.sites.push_back({SiteId("west"), "b", false, {}});
    Service service;
    service.id = ServiceId("shop");
    service.primary = SiteId("east");
    service.standby = {SiteId("west")};
    for (const char* name : {"web", "orders"}) {
        Component component;
        component.id = ComponentId(name);
        component.kind = "custom";
        service.components.push_back(std::move(component));
    }
    service.components[0].needs = {ComponentId("orders")};
    plan.services.push_back(std::move(service));
    return plan;
}

std::size_t count(const std::string& text, std::string_view part) {
    std::size_t found = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
        ++found;
    }
    return found;
}

TEST(Graph, DrawsABoxPerComponentAndSiteAndAnArrowPerNeed) {
    const auto svg = to_svg(small_plan());
    EXPECT_EQ(count(svg, "class=\"box\""), 4U);
    EXPECT_EQ(count(svg, "class=\"needs\""), 2U);
    EXPECT_NE(svg.find("viewBox=\"0 0 "), std::string::npos);
    EXPECT_EQ(count(svg, "a&lt;b&gt;&amp;&quot;c&quot;"), 2U);
    const auto mermaid = to_mermaid(small_plan());
    EXPECT_EQ(count(mermaid, " --> "), 2U);
    EXPECT_EQ(count(mermaid, "subgraph"), 3U);
}

TEST(Graph, EndsOnPlansThatTurnInCircles) {
    Plan plan = small_plan();
    plan.services[0].components[1].needs = {ComponentId("web")};
    EXPECT_FALSE(to_svg(plan).empty());
    EXPECT_FALSE(to_mermaid(plan).empty());
}

TEST(Starter, ExplainsItselfInComments) {
    EXPECT_TRUE(starter_plan().starts_with("# A muster plan"));
    EXPECT_TRUE(starter_plan().ends_with("\n"));
}

}  // namespace
}  // namespace muster::plan
