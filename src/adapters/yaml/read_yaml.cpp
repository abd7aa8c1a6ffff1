#include "adapters/yaml/read_yaml.h"

#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <streambuf>

#include "adapters/yaml/text_check.h"
#include "adapters/yaml/tree_builder.h"

namespace muster::adapters {
namespace {

using plan::Diagnostic;
using plan::Mark;

Diagnostic error(Mark mark, std::string message, std::string hint) {
    return {Diagnostic::Severity::kError, mark, std::move(message), std::move(hint)};
}

/// Hands the text to yaml-cpp piece by piece. Before its first event for a value that begins with
/// a bracket the library reads to the end of that value, 240 bytes of memory for each bracket; so
/// what it may read without making an event is bounded.
class MeteredText final : public std::streambuf {
  public:
    MeteredText(const std::string& text, const TreeBuilder& builder)
        : text_(text), builder_(builder) {}

  protected:
    std::streamsize xsgetn(char* target, std::streamsize most) override {
        if (builder_.events() != events_) {
            events_ = builder_.events();
            given_ = 0;
        }
        if (given_ > kMaxPlanValue) {
            throw TreeBuilder::Refused{error(
                builder_.last_mark(),
                "a value of more than " + std::to_string(kMaxPlanValue / 1024) + " KiB begins here",
                "write large lists and maps one entry per line, with \"- item\" or "
                "\"key: value\"")};
        }
        const auto count = std::min(static_cast<std::size_t>(most), text_.size() - position_);
        text_.copy(target, count, position_);
        position_ += count;
        given_ += count;
        return static_cast<std::streamsize>(count);
    }
    int_type underflow() override {
        return position_ < text_.size() ? traits_type::to_int_type(text_[position_])
                                        : traits_type::eof();
    }
    int_type uflow() override {
        return position_ < text_.size() ? traits_type::to_int_type(text_[position_++])
                                        : traits_type::eof();
    }

    /// The library puts back the first bytes after looking for a byte order mark.
    int_type pbackfail(int_type /*character*/) override {
        return position_ == 0 ? traits_type::eof() : traits_type::to_int_type(text_[--position_]);
    }

  private:
    const std::string& text_;
    const TreeBuilder& builder_;
    std::size_t position_ = 0;
    std::size_t given_ = 0;
    std::size_t events_ = 0;
};

Diagnostic explain(const YAML::Exception& failure) {
    const Mark at{failure.mark.line + 1, failure.mark.column + 1};
    if (failure.msg == YAML::ErrorMsg::EOF_IN_SCALAR) {
        return error(at, "the file ends inside of a quoted text: a quote is never closed",
                     "add the closing quote where the text ends");
    }
    if (failure.msg == YAML::ErrorMsg::TAB_IN_INDENTATION) {
        return tab_problem(at);
    }
    return error(at, "this is not YAML: " + failure.msg,
                 "look for a missing quote, colon, bracket or space just before");
}

/// Runs yaml-cpp over the text; its exceptions end here.
void parse(const std::string& text, TreeBuilder& builder, std::vector<Diagnostic>& problems) {
    try {
        MeteredText source(text, builder);
        std::istream stream(&source);
        YAML::Parser parser(stream);
        if (parser.HandleNextDocument(builder)) {
            builder.finish_document();
            parser.HandleNextDocument(builder);
        }
    } catch (const TreeBuilder::Refused& refused) {
        problems.push_back(refused.why);
    } catch (const YAML::Exception& failure) {
        const auto tab = find_tab_indentation(text, failure.mark.line + 1);
        if (tab) {
            problems.push_back(tab_problem(*tab));
            return;
        }
        problems.push_back(explain(failure));
    } catch (const std::exception& failure) {
        problems.push_back(error({1, 1},
                                 std::string("this can't be read as YAML: ") + failure.what(),
                                 "check that this is a plan file"));
    }
}

}  // namespace

YamlDocument read_yaml(const std::string& raw) {
    YamlDocument document;
    if (raw.size() > kMaxPlanBytes) {
        document.problems.push_back(too_large());
        return document;
    }
    if (auto problem = find_bad_text(raw)) {
        document.problems.push_back(std::move(*problem));
        return document;
    }
    const std::string text = tidy_text(raw);
    TreeBuilder builder(text);
    parse(text, builder, document.problems);
    if (document.problems.empty()) {
        document.root = builder.take_root();
    }
    auto found = builder.take_problems();
    document.problems.insert(document.problems.end(), std::make_move_iterator(found.begin()),
                             std::make_move_iterator(found.end()));
    return document;
}

}  // namespace muster::adapters
