#pragma once

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/mark.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "plan/load.h"
#include "plan/node.h"

namespace muster::adapters {

/// Makes a tree from yaml-cpp's events, within the limits of read_yaml.h. What YAML allows and a
/// plan does not (tags, merge keys, keys twice, tabs) is collected; what would cost too much time
/// or memory throws `Refused` at once. Parsing by events keeps the library's own tree, its aliases
/// and its memory out of it.
class TreeBuilder final : public YAML::EventHandler {
  public:
    struct Refused {
        plan::Diagnostic why;
    };

    explicit TreeBuilder(const std::string& text) : text_(text) {}

    void OnDocumentStart(const YAML::Mark& mark) override;
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override;
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override;
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value style) override;
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value style) override;
    void OnMapEnd() override { close(); }

    /// How many events there were; and where the last one was, the first place when there was none.
    [[nodiscard]] std::size_t events() const { return events_; }
    [[nodiscard]] plan::Mark last_mark() const { return last_mark_; }

    /// To be called when the first document has ended: checks its end.
    void finish_document();
    [[nodiscard]] plan::Node take_root();
    [[nodiscard]] std::vector<plan::Diagnostic> take_problems();

  private:
    struct Open {
        plan::Node node;
        YAML::anchor_t anchor = 0;
        std::map<std::string, int, std::less<>> lines;  ///< A map's keys, where each stands.
        std::optional<plan::Node> key;                  ///< The key that waits for its value.
        bool is_dropped = false;  ///< The waiting key is refused; its value is thrown away.
    };

    void begin(plan::Node node, const std::string& tag, YAML::anchor_t anchor);
    void close();
    void add(plan::Node node, YAML::anchor_t anchor);
    void take_key(Open& map, plan::Node key);
    void remember(const plan::Node& node, YAML::anchor_t anchor);
    void spend(const plan::Node& node);
    void check_tag(plan::Mark mark, const std::string& tag);
    void check_tab(plan::Mark mark);
    void problem(plan::Mark mark, std::string message, std::string hint);
    plan::Mark place(const YAML::Mark& mark);

    const std::string& text_;
    std::optional<plan::Node> root_;
    std::vector<Open> open_;
    std::map<YAML::anchor_t, plan::Node> anchors_;
    std::vector<plan::Diagnostic> problems_;
    std::size_t nodes_ = 0;
    std::size_t bytes_ = 0;
    int documents_ = 0;
    std::size_t events_ = 0;
    plan::Mark last_mark_{1, 1};
    std::optional<YAML::Mark> last_quoted_;
    std::size_t line_start_ = 0;  ///< Offset of the line that `line_` names.
    int line_ = 1;
    int tab_line_ = 0;  ///< The last line looked at for tabs.
};

}  // namespace muster::adapters
