#include "adapters/yaml/tree_builder.h"

#include <algorithm>
#include <utility>

#include "adapters/yaml/read_yaml.h"
#include "adapters/yaml/text_check.h"
#include "plan/findings.h"

namespace muster::adapters {
namespace {

using plan::Diagnostic;
using plan::Mark;
using plan::Node;

constexpr std::size_t kMaxProblems = 200;
constexpr std::size_t kMaxTreeBytes = 2 * kMaxPlanBytes;

Diagnostic error(Mark mark, std::string message, std::string hint) {
    return {Diagnostic::Severity::kError, mark, std::move(message), std::move(hint)};
}

/// Whether the quoted scalar at `position` (its anchor and tag first, if any) is closed.
bool is_closed(const std::string& text, std::size_t position) {
    while (position < text.size() && (text[position] == '&' || text[position] == '!')) {
        position = text.find_first_of(" \n\t", position);
        position = text.find_first_not_of(" \n\t", position);
    }
    if (position >= text.size() || (text[position] != '"' && text[position] != '\'')) {
        return true;  // a block scalar needs no end
    }
    const char quote = text[position];
    for (++position; position < text.size(); ++position) {
        const bool is_quote = text[position] == quote;
        const bool is_doubled =
            is_quote && position + 1 < text.size() && text[position + 1] == quote;
        // A backslash takes the next character with it, and so does a quote before a quote in '…'.
        const bool is_escape = quote == '"' ? text[position] == '\\' : is_doubled;
        if (is_escape) {
            ++position;
        } else if (is_quote) {
            return true;
        }
    }
    return false;
}

}  // namespace

Mark TreeBuilder::place(const YAML::Mark& mark) {
    ++events_;
    last_mark_ = {mark.line + 1, mark.column + 1};
    return last_mark_;
}

void TreeBuilder::problem(Mark mark, std::string message, std::string hint) {
    if (problems_.size() < kMaxProblems) {
        problems_.push_back(error(mark, std::move(message), std::move(hint)));
    }
}

void TreeBuilder::OnDocumentStart(const YAML::Mark& mark) {
    if (++documents_ > 1) {
        throw Refused{error(place(mark), "a second document starts here",
                            "a plan is one document: remove the line `---` and what follows")};
    }
}

void TreeBuilder::finish_document() {
    if (last_quoted_ && !is_closed(text_, static_cast<std::size_t>(last_quoted_->pos))) {
        throw Refused{error(place(*last_quoted_), "the quote that opens here is never closed",
                            "add the closing quote at the end of this text")};
    }
}

Node TreeBuilder::take_root() {
    return root_ ? std::exchange(root_, std::nullopt).value() : Node{};
}

std::vector<Diagnostic> TreeBuilder::take_problems() {
    return std::exchange(problems_, {});
}

void TreeBuilder::check_tag(Mark mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!") {
        problem(mark, "the tag " + plan::quote(tag) + " has no meaning in a plan", "remove it");
    }
}

/// Events come in file order, so that the start of their line is found by going on from the last.
void TreeBuilder::check_tab(Mark mark) {
    while (line_ < mark.line) {
        const auto end = text_.find('\n', line_start_);
        if (end == std::string::npos) {
            return;
        }
        line_start_ = end + 1;
        ++line_;
    }
    if (line_ != mark.line || tab_line_ == line_) {
        return;
    }
    if (const auto tab = tab_in_indentation(text_, line_start_)) {
        auto found = tab_problem({line_, static_cast<int>(*tab - line_start_) + 1});
        problem(found.mark, std::move(found.message), std::move(found.hint));
    }
    tab_line_ = line_;
}

void TreeBuilder::spend(const Node& node) {
    ++nodes_;
    bytes_ += node.scalar.size();
    for (const auto& item : node.items) {
        spend(item);
    }
    for (const auto& entry : node.entries) {
        bytes_ += entry.key.size();
        spend(entry.value);
    }
    if (nodes_ > kMaxPlanNodes || bytes_ > kMaxTreeBytes) {
        throw Refused{error(node.mark,
                            "the plan grows past " + std::to_string(kMaxPlanNodes) +
                                " values, counting each alias as a copy",
                            "use fewer aliases, or split the plan")};
    }
}

void TreeBuilder::remember(const Node& node, YAML::anchor_t anchor) {
    if (anchor != 0) {
        spend(node);  // the copy costs as much as the original
        anchors_[anchor] = node;
    }
}

void TreeBuilder::OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) {
    Node node;
    node.mark = place(mark);
    spend(node);
    add(std::move(node), anchor);
}

void TreeBuilder::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
    const Mark at = place(mark);
    check_tab(at);
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) {
        throw Refused{
            error(at, "this alias stands inside of what it names", "write the value out")};
    }
    spend(known->second);
    Node copy = known->second;
    copy.mark = at;
    add(std::move(copy), 0);
}

void TreeBuilder::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                           const std::string& value) {
    Node node;
    node.kind = Node::Kind::kScalar;
    node.scalar = value;
    node.is_quoted = tag == "!";
    node.mark = place(mark);
    check_tab(node.mark);
    check_tag(node.mark, tag);
    if (tag != "?") {
        last_quoted_ = mark;
    }
    if (value.find('\0') != std::string::npos) {
        problem(node.mark, "a text can't have a NUL character", "leave \"\\0\" out");
    }
    spend(node);
    add(std::move(node), anchor);
}

void TreeBuilder::OnSequenceStart(const YAML::Mark& mark, const std::string& tag,
                                  YAML::anchor_t anchor, YAML::EmitterStyle::value /*style*/) {
    Node node;
    node.kind = Node::Kind::kList;
    node.mark = place(mark);
    begin(std::move(node), tag, anchor);
}

void TreeBuilder::OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                             YAML::EmitterStyle::value /*style*/) {
    Node node;
    node.kind = Node::Kind::kMap;
    node.mark = place(mark);
    begin(std::move(node), tag, anchor);
}

void TreeBuilder::begin(Node node, const std::string& tag, YAML::anchor_t anchor) {
    check_tab(node.mark);
    check_tag(node.mark, tag);
    spend(node);
    if (open_.size() >= static_cast<std::size_t>(kMaxPlanDepth)) {
        throw Refused{error(node.mark,
                            "nested more than " + std::to_string(kMaxPlanDepth) + " levels deep",
                            "a plan needs about ten; is this the right file?")};
    }
    open_.push_back({std::move(node), anchor, {}, std::nullopt, false});
}

void TreeBuilder::close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    add(std::move(done.node), done.anchor);
}

void TreeBuilder::take_key(Open& map, Node key) {
    map.is_dropped = true;
    if (!key.is_scalar()) {
        problem(key.mark, "a key must be a plain text", "write `name: value`");
    } else if (key.scalar == "<<" && !key.is_quoted) {
        problem(key.mark, "merge keys (`<<`) are not supported", "write the keys out");
    } else if (const auto [first, is_new] = map.lines.emplace(key.scalar, key.mark.line); !is_new) {
        problem(key.mark,
                "the key " + plan::quote(key.scalar) +
                    " stands here a second time; the first is in line " +
                    std::to_string(first->second),
                "remove one of the two");
    } else {
        map.is_dropped = false;
    }
    map.key = std::move(key);
}

void TreeBuilder::add(Node node, YAML::anchor_t anchor) {
    remember(node, anchor);
    if (open_.empty()) {
        root_ = std::move(node);
        return;
    }
    Open& parent = open_.back();
    if (parent.node.is_list()) {
        parent.node.items.push_back(std::move(node));
        return;
    }
    if (!parent.key) {
        take_key(parent, std::move(node));
        return;
    }
    if (!parent.is_dropped) {
        parent.node.entries.push_back(
            {std::move(parent.key->scalar), parent.key->mark, std::move(node)});
    }
    parent.key.reset();
}

}  // namespace muster::adapters
