#include "adapters/blob/s3_xml.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace muster::adapters {

namespace {

constexpr int kMaxDepth = 10;
constexpr std::size_t kMaxElements = 1'000'000;

Error not_whole(std::string_view what) {
    return Error{Errc::kUnavailable, "the answer is no whole XML of S3: " + std::string(what)};
}

bool is_space(char letter) {
    return letter == ' ' || letter == '\t' || letter == '\r' || letter == '\n';
}

bool is_name_letter(char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
           (letter >= '0' && letter <= '9') || std::string_view("_-.:").contains(letter);
}

// One code point; false for those that XML does not have.
bool append_utf8(std::uint32_t point, std::string& text) {
    const bool is_surrogate = point >= 0xD800 && point <= 0xDFFF;
    const bool is_control = point < 0x20 && point != '\t' && point != '\n' && point != '\r';
    if (point > 0x10FFFF || is_surrogate || is_control) {
        return false;
    }
    if (point < 0x80) {
        text += static_cast<char>(point);
        return true;
    }
    const int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    constexpr std::array<std::uint32_t, 4> kLead = {0, 0xC0, 0xE0, 0xF0};
    text += static_cast<char>(kLead.at(more) | (point >> (6U * static_cast<unsigned>(more))));
    for (int rest = more - 1; rest >= 0; --rest) {
        text += static_cast<char>(0x80U | ((point >> (6U * static_cast<unsigned>(rest))) & 0x3FU));
    }
    return true;
}

class Reader {
  public:
    explicit Reader(std::string_view text) : text_(text) {}

    Result<XmlElement> document() {
        skip_space();
        if (take("<?xml ")) {
            const auto end = text_.find("?>", at_);
            if (end == std::string_view::npos) {
                return not_whole("its first line has no end");
            }
            at_ = end + 2;
            skip_space();
        }
        TRY(auto root, element(1));
        skip_space();
        if (at_ != text_.size()) {
            return not_whole("something follows its end");
        }
        return root;
    }

  private:
    [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    bool take(std::string_view wanted) {
        if (!text_.substr(at_).starts_with(wanted)) {
            return false;
        }
        at_ += wanted.size();
        return true;
    }
    void skip_space() {
        while (is_space(peek())) {
            ++at_;
        }
    }
    std::string_view name() {
        const auto begin = at_;
        while (is_name_letter(peek())) {
            ++at_;
        }
        return text_.substr(begin, at_ - begin);
    }

    // After the element's name: up to and with its ">". True: it was "/>", and there is no more.
    Result<bool> attributes() {
        for (;;) {
            const bool has_space = is_space(peek());
            skip_space();
            if (take("/>")) {
                return true;
            }
            if (take(">")) {
                return false;
            }
            if (!has_space || name().empty() || !take("=")) {
                return not_whole("an element's head is broken");
            }
            const char quote = peek();
            const auto end =
                quote == '"' || quote == '\'' ? text_.find(quote, at_ + 1) : std::string_view::npos;
            if (end == std::string_view::npos || text_.substr(at_, end - at_).contains('<')) {
                return not_whole("an attribute has no end");
            }
            at_ = end + 1;
        }
    }

    Result<> entity(std::string& text) {
        const auto end = text_.find(';', at_);
        if (end == std::string_view::npos || end - at_ > 10) {
            return not_whole("an entity has no end");
        }
        auto word = text_.substr(at_ + 1, end - at_ - 1);
        at_ = end + 1;
        constexpr std::array<std::pair<std::string_view, char>, 5> kNamed = {
            {{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}}};
        for (const auto& [known, letter] : kNamed) {
            if (word == known) {
                text += letter;
                return {};
            }
        }
        const bool is_hex = word.starts_with("#x");
        word.remove_prefix(std::min<std::size_t>(word.size(), is_hex ? 2 : 1));
        std::uint32_t point = 0;
        const auto [last, problem] =
            std::from_chars(word.data(), word.data() + word.size(), point, is_hex ? 16 : 10);
        const bool is_number = text_[end - word.size() - 1] == (is_hex ? 'x' : '#') &&
                               problem == std::errc() && last == word.data() + word.size();
        if (!is_number || !append_utf8(point, text)) {
            return not_whole("an unknown entity");
        }
        return {};
    }

    // Text up to the next "<".
    Result<> plain_text(std::string& text) {
        while (at_ < text_.size() && peek() != '<') {
            const char letter = peek();
            if (letter == '&') {
                TRY_OK(entity(text));
                continue;
            }
            if (static_cast<unsigned char>(letter) < ' ' && !is_space(letter)) {
                return not_whole("a control character");
            }
            text += letter;
            ++at_;
        }
        return {};
    }

    Result<XmlElement> element(int depth) {
        if (depth > kMaxDepth || ++elements_ > kMaxElements) {
            return not_whole("it is too deep or too big");
        }
        XmlElement one;
        if (take("<")) {
            one.name = name();
        }
        if (one.name.empty()) {
            return not_whole("an element is missing");
        }
        TRY(const bool is_empty, attributes());
        while (!is_empty) {
            TRY_OK(plain_text(one.text));
            if (!text_.substr(at_).starts_with("</")) {
                TRY(auto child, element(depth + 1));
                one.children.push_back(std::move(child));
                continue;
            }
            at_ += 2;
            if (name() != one.name) {
                return not_whole("an end that belongs to no beginning");
            }
            skip_space();
            if (!take(">")) {
                return not_whole("an element's end is broken");
            }
            break;
        }
        return one;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t elements_ = 0;
};

std::optional<std::uint64_t> number(const std::string& text) {
    std::uint64_t value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || problem != std::errc() || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

}  // namespace

const XmlElement* XmlElement::child(std::string_view wanted) const {
    const auto found = std::ranges::find(children, wanted, &XmlElement::name);
    return found == children.end() ? nullptr : &*found;
}

std::string XmlElement::text_of(std::string_view wanted) const {
    const auto* const found = child(wanted);
    return found == nullptr ? std::string() : found->text;
}

Result<XmlElement> parse_xml(std::string_view text) {
    return Reader(text).document();
}

Result<S3ListPage> read_list_page(std::string_view text) {
    TRY(const auto root, parse_xml(text));
    if (root.name != "ListBucketResult") {
        return not_whole("it is no list");
    }
    S3ListPage page;
    for (const auto& one : root.children) {
        if (one.name != "Contents") {
            continue;
        }
        const auto size = number(one.text_of("Size"));
        auto key = one.text_of("Key");
        if (!size || key.empty()) {
            return not_whole("an entry without key and size");
        }
        page.objects.push_back({std::move(key), *size});
    }
    const auto* const count = root.child("KeyCount");
    if (count != nullptr && number(count->text) != page.objects.size()) {
        return not_whole("it has " + std::to_string(page.objects.size()) + " entries and says " +
                         count->text);
    }
    const auto is_truncated = root.text_of("IsTruncated");
    page.next = root.text_of("NextContinuationToken");
    if (is_truncated != "true" && is_truncated != "false") {
        return not_whole("it does not say whether it goes on");
    }
    if ((is_truncated == "true") == page.next.empty()) {
        return not_whole("it goes on, and does not say where");
    }
    return page;
}

Result<std::string> read_upload_id(std::string_view text) {
    TRY(const auto root, parse_xml(text));
    auto id = root.text_of("UploadId");
    if (root.name != "InitiateMultipartUploadResult" || id.empty()) {
        return not_whole("it names no upload");
    }
    return id;
}

S3Problem read_problem(std::string_view text) {
    const auto root = parse_xml(text);
    if (!root || root->name != "Error") {
        return {};
    }
    return {root->text_of("Code"), root->text_of("Message"), root->text_of("Region")};
}

}  // namespace muster::adapters
