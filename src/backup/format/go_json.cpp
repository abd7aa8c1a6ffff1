#include "backup/format/go_json.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include "backup/format/printable_runes.h"
#include "backup/format/utf8.h"

namespace muster::backup {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

unsigned char byte_at(std::string_view text, std::size_t at) {
    return static_cast<unsigned char>(text[at]);
}

/// The `digits` last hexadecimal digits after `prefix`.
void append_hex(std::string& out, std::string_view prefix, char32_t value, unsigned digits) {
    out += prefix;
    while (digits > 0) {
        --digits;
        out.push_back(kHex[value >> (4 * digits) & 15U]);
    }
}

constexpr bool is_plain_in_json(unsigned char byte) {
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\' && byte != '<' &&
           byte != '>' && byte != '&';
}

constexpr auto kPlainInJson = [] {
    std::array<bool, 256> plain{};
    for (unsigned byte = 0; byte < 256; ++byte) {
        plain.at(byte) = is_plain_in_json(static_cast<unsigned char>(byte));
    }
    return plain;
}();

void append_ascii_escape(std::string& out, char character) {
    constexpr std::string_view kShort = "\"\\\n\r\t";
    constexpr std::string_view kLetter = "\"\\nrt";
    if (const auto at = kShort.find(character); at != std::string_view::npos) {
        out.push_back('\\');
        out.push_back(kLetter[at]);
    } else {
        append_hex(out, "\\u", static_cast<unsigned char>(character), 4);
    }
}

/// The inside of a JSON string.
void append_json_inside(std::string& out, std::string_view text) {
    while (!text.empty()) {
        const auto* const stop = std::ranges::find_if_not(
            text, [](char c) { return kPlainInJson[static_cast<unsigned char>(c)]; });
        const auto plain = static_cast<std::size_t>(stop - text.begin());
        out += text.substr(0, plain);
        text.remove_prefix(plain);
        if (text.empty()) {
            return;
        }
        const auto [rune, size] = decode_rune(text);
        if (!rune) {
            out += "\\ufffd";
        } else if (*rune < 0x80) {
            append_ascii_escape(out, text[0]);
        } else if (*rune == 0x2028 || *rune == 0x2029) {
            append_hex(out, "\\u", *rune, 4);
        } else {
            out += text.substr(0, size);
        }
        text.remove_prefix(size);
    }
}

constexpr std::string_view kQuoteValues = "\a\b\f\n\r\t\v\\\"";
constexpr std::string_view kQuoteLetters = "abfnrtv\\\"";

/// One rune as strconv.Quote writes it.
void append_quoted_rune(std::string& out, char32_t rune) {
    if (rune < 0x80) {
        const auto at = kQuoteValues.find(static_cast<char>(rune));
        if (at != std::string_view::npos) {
            out.push_back('\\');
            out.push_back(kQuoteLetters[at]);
            return;
        }
    }
    if (is_printable(rune)) {
        append_utf8(out, rune);
    } else if (rune < 0x80) {
        append_hex(out, "\\x", rune, 2);
    } else if (rune < 0x10000) {
        append_hex(out, "\\u", rune, 4);
    } else {
        append_hex(out, "\\U", rune, 8);
    }
}

std::string quote(std::string_view name) {
    std::string quoted;
    quoted.reserve(name.size() + 16);
    while (!name.empty()) {
        const auto [rune, size] = decode_rune(name);
        if (rune) {
            append_quoted_rune(quoted, *rune);
        } else {
            append_hex(quoted, "\\x", byte_at(name, 0), 2);
        }
        name.remove_prefix(size);
    }
    return quoted;
}

Error bad_name() {
    return {Errc::kCorrupt, "the name of a node is not quoted as restic does",
            "check the repository"};
}

/// A number of exactly `digits` digits to `base` at the front of `text`, which it leaves.
std::optional<char32_t> take_number(std::string_view& text, std::size_t digits, unsigned base) {
    if (text.size() < digits) {
        return std::nullopt;
    }
    char32_t value = 0;
    for (const char character : text.substr(0, digits)) {
        const char lower = character >= 'A' && character <= 'F'
                               ? static_cast<char>(character - 'A' + 'a')
                               : character;
        const auto digit = kHex.find(lower);
        if (digit >= base) {
            return std::nullopt;
        }
        value = value * base + static_cast<char32_t>(digit);
    }
    text.remove_prefix(digits);
    return value;
}

/// \xHH and \ooo are bytes; \uHHHH and \UHHHHHHHH are code points. False when it is neither.
bool take_numbered(std::string& out, char letter, std::string_view& text) {
    const bool is_octal = letter >= '0' && letter <= '7';
    if (letter == 'x' || is_octal) {
        auto value = take_number(text, 2, is_octal ? 8 : 16);
        if (value && is_octal) {
            *value += static_cast<char32_t>(letter - '0') * 64;
        }
        if (!value || *value > 0xff) {
            return false;
        }
        out.push_back(static_cast<char>(*value));
        return true;
    }
    if (letter != 'u' && letter != 'U') {
        return false;
    }
    const auto value = take_number(text, letter == 'u' ? 4 : 8, 16);
    if (!value || !is_scalar(*value)) {
        return false;
    }
    append_utf8(out, *value);
    return true;
}

/// `text` begins behind a backslash and is left behind its escape.
bool take_escape(std::string& out, std::string_view& text) {
    if (text.empty()) {
        return false;
    }
    const char letter = text[0];
    text.remove_prefix(1);
    if (const auto at = kQuoteLetters.find(letter); at != std::string_view::npos) {
        out.push_back(kQuoteValues[at]);
        return true;
    }
    return take_numbered(out, letter, text);
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    out.push_back('"');
    append_json_inside(out, text);
    out.push_back('"');
}

void append_quoted_name(std::string& out, std::string_view name) {
    const bool is_plain = std::ranges::all_of(
        name, [](char c) { return kPlainInJson[static_cast<unsigned char>(c)] && c != 0x7f; });
    out.push_back('"');
    if (is_plain) {
        out += name;
    } else {
        append_json_inside(out, quote(name));
    }
    out.push_back('"');
}

Result<std::string> unquote_name(std::string_view text) {
    std::string name;
    name.reserve(text.size());
    while (!text.empty()) {
        const auto plain = std::min(text.find_first_of("\\\"\n"), text.size());
        name += text.substr(0, plain);
        text.remove_prefix(plain);
        if (text.empty()) {
            break;
        }
        const bool is_escape = text[0] == '\\';
        text.remove_prefix(1);
        if (!is_escape || !take_escape(name, text)) {
            return bad_name();
        }
    }
    return name;
}

namespace {

void append_digits(std::string& out, unsigned value, unsigned digits) {
    std::array<char, 10> text{};
    for (unsigned i = digits; i > 0; --i) {
        text.at(i - 1) = static_cast<char>('0' + value % 10);
        value /= 10;
    }
    out.append(text.data(), digits);
}

void append_date(std::string& out, std::chrono::sys_days day) {
    using namespace std::chrono;
    constexpr sys_days kFirst = year(0) / January / 1;
    constexpr sys_days kLast = year(9999) / December / 31;
    // std::chrono's years end at 32767; whole cycles of the calendar change neither month nor day.
    constexpr days kCycle(146'097);
    const bool is_shown = day >= kFirst && day <= kLast;
    const auto in_cycle = (day.time_since_epoch() % kCycle + kCycle) % kCycle;
    const year_month_day date(is_shown ? day : sys_days(in_cycle));
    const year far = day < kFirst ? year(0) : year(9999);
    year_month_day shown{is_shown ? date.year() : far, date.month(), date.day()};
    if (!shown.ok()) {  // 29 February of a leap year
        shown = {far, March, std::chrono::day(1)};
    }
    append_digits(out, static_cast<unsigned>(static_cast<int>(shown.year())), 4);
    out.push_back('-');
    append_digits(out, static_cast<unsigned>(shown.month()), 2);
    out.push_back('-');
    append_digits(out, static_cast<unsigned>(shown.day()), 2);
}

void append_fraction(std::string& out, std::uint32_t nanoseconds) {
    if (nanoseconds == 0) {
        return;
    }
    out.push_back('.');
    append_digits(out, nanoseconds, 9);
    out.erase(out.find_last_not_of('0') + 1);
}

void append_zone(std::string& out, int utc_offset_seconds) {
    if (utc_offset_seconds == 0) {
        out.push_back('Z');
        return;
    }
    const int minutes = utc_offset_seconds / 60;
    const auto size = static_cast<unsigned>(minutes < 0 ? -minutes : minutes);
    out.push_back(minutes < 0 ? '-' : '+');
    append_digits(out, size / 60, 2);
    out.push_back(':');
    append_digits(out, size % 60, 2);
}

/// Takes texts apart from the front; once something does not fit, it stays bad.
class TimeReader {
  public:
    explicit TimeReader(std::string_view text) : rest_(text) {}

    int number(std::size_t digits, int most) {
        int value = 0;
        is_good_ = is_good_ && rest_.size() >= digits;
        for (std::size_t i = 0; is_good_ && i < digits; ++i) {
            is_good_ = rest_[i] >= '0' && rest_[i] <= '9';
            value = value * 10 + (rest_[i] - '0');
        }
        is_good_ = is_good_ && value <= most;
        rest_.remove_prefix(is_good_ ? digits : 0);
        return is_good_ ? value : 0;
    }
    void expect(char character) { is_good_ = is_good_ && take(character); }
    bool take(char character) {
        const bool is_there = rest_.starts_with(character);
        rest_.remove_prefix(is_there ? 1 : 0);
        return is_there;
    }
    std::uint32_t fraction() {
        if (!take('.')) {
            return 0;
        }
        std::uint32_t value = 0;
        const auto digits = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
        for (std::size_t i = 0; i < 9; ++i) {
            value = value * 10 + (i < digits ? static_cast<std::uint32_t>(rest_[i] - '0') : 0);
        }
        is_good_ = is_good_ && digits > 0;
        rest_.remove_prefix(digits);
        return value;
    }
    int zone() {
        if (take('Z')) {
            return 0;
        }
        const int sign = rest_.starts_with('-') ? -1 : 1;
        is_good_ = is_good_ && (take('-') || take('+'));
        const int hours = number(2, 23);
        expect(':');
        return sign * (hours * 3600 + number(2, 59) * 60);
    }
    [[nodiscard]] bool is_done() const { return is_good_ && rest_.empty(); }

  private:
    std::string_view rest_;
    bool is_good_ = true;
};

}  // namespace

void append_time(std::string& out, std::int64_t seconds, std::uint32_t nanoseconds,
                 int utc_offset_seconds) {
    // Near the ends of 64 bits adding the offset would overflow; both are far beyond year 9999.
    constexpr std::int64_t kFar = 1LL << 55;
    const std::int64_t local = std::clamp(seconds, -kFar, kFar) + utc_offset_seconds;
    constexpr std::int64_t kDay = 86'400;
    const std::int64_t of_day = (local % kDay + kDay) % kDay;
    append_date(out, std::chrono::sys_days(std::chrono::days((local - of_day) / kDay)));
    const auto clock = static_cast<unsigned>(of_day);
    out.push_back('T');
    append_digits(out, clock / 3600, 2);
    out.push_back(':');
    append_digits(out, clock / 60 % 60, 2);
    out.push_back(':');
    append_digits(out, clock % 60, 2);
    append_fraction(out, nanoseconds);
    append_zone(out, utc_offset_seconds);
}

Result<GoTime> parse_time(std::string_view text) {
    TimeReader reader(text);
    const std::chrono::year year(reader.number(4, 9999));
    reader.expect('-');
    const std::chrono::month month(static_cast<unsigned>(reader.number(2, 12)));
    reader.expect('-');
    const std::chrono::day day(static_cast<unsigned>(reader.number(2, 31)));
    reader.expect('T');
    const int hour = reader.number(2, 23);
    reader.expect(':');
    const int minute = reader.number(2, 59);
    reader.expect(':');
    const int second = reader.number(2, 59);
    GoTime time;
    time.nanoseconds = reader.fraction();
    time.utc_offset_seconds = reader.zone();
    const std::chrono::year_month_day date{year, month, day};
    if (!reader.is_done() || !date.ok()) {
        return Error(Errc::kCorrupt,
                     "\"" + std::string(text.substr(0, 64)) + "\" is not a time of RFC 3339");
    }
    using namespace std::chrono;
    const seconds local =
        sys_days(date).time_since_epoch() + hours(hour) + minutes(minute) + seconds(second);
    time.seconds = local.count() - time.utc_offset_seconds;
    return time;
}

}  // namespace muster::backup
